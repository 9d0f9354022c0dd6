"""CloudFront's key value stores: what functions at the edge read. Importing this package registers the operations on
keys; stores are made and deleted by those of `cloudfront`.

operations   one function for each operation         exports   stores, for `cloudfront`, and what its functions read
tables       rows and their invariants               errors    the service's errors
"""

from mrak.services.cloudfront_keyvaluestore import operations

__all__ = ["operations"]
