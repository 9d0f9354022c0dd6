"""AWS Systems Manager, as far as applications use it: the Parameter Store.

operations   one function for each operation        parameters   names, selectors, checks, rendering
filters      which parameters a listing is for      policies     expiration and notifications, by the clock
changes      what the default bus is told           exports      read-only look-ups for other services
tables       rows and their invariants              errors       the service's errors
"""

from mrak.services.ssm import access, operations, policies

__all__ = ["access", "operations", "policies"]
