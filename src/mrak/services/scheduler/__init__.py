"""Amazon EventBridge Scheduler. Importing this package registers its operations and background work.

operations   one function for each operation         firing   when schedules fire, and what they then do
tables       rows and their invariants               errors   the service's errors
"""

from mrak.services.scheduler import firing, operations

__all__ = ["firing", "operations"]
