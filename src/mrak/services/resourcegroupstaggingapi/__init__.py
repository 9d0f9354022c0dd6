"""Resource Groups Tagging API: the tags of other services' resources, through those services' own operations.

operations   one function for each operation     sources   which services have what, and how each lists and tags it
errors       the service's errors
"""

from mrak.services.resourcegroupstaggingapi import operations

__all__ = ["operations"]
