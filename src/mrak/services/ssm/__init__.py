"""AWS Systems Manager, as far as applications use it: the Parameter Store.

operations   one function for each operation        parameters   names, selectors, checks, rendering
tables       rows and their invariants              errors       the service's errors
exports      read-only look-ups for other services
"""

from mrak.services.ssm import operations

__all__ = ["operations"]
