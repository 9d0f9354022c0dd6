"""AWS STS. Importing this package registers its operations.

operations    one function for each operation          sessions    what temporary credentials stand for
webidentity   roles for the users of other providers   errors      the service's errors
trust         whether a role lets a caller assume it
"""

from mrak.services.sts import operations, webidentity

__all__ = ["operations", "webidentity"]
