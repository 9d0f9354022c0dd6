"""AWS STS. Importing this package registers its operations.

operations    one function for each operation          sessions    what temporary credentials stand for
trust         whether a role lets a caller assume it   errors      the service's errors
"""

from mrak.services.sts import operations

__all__ = ["operations"]
