"""Amazon EventBridge Pipes. Importing this package registers its operations and its consumer.

operations   one function for each operation     sources   draining queues and streams
flow         one batch's way to the target       tables    rows and their invariants
errors       the service's errors
"""

from mrak.services.pipes import operations, sources

__all__ = ["operations", "sources"]
