"""The one way in (`invoke`), and all that runs without a request.

invoke         runs an operation and leaves its record      environments   sandboxes: create, open, delete
context        what a handler holds                         environment    one sandbox: store, clock, background
deliveries     the outbox                                   wakeups        topics that wake waiters after a commit
timers         what is due                                  consumers      sources that are drained
"""
