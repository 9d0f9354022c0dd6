"""AWS Lambda. Importing this package registers its operations and background work.

function_operations   functions and versions            functions      the same in a transaction
configuration         members: parse, check, render     packages       code on its way in
invoke_operations     Invoke and its kin                invocation     from rows to a running function
tables                rows and their invariants         references     names and ARNs of functions
errors                the service's errors              exports        what other services may use
"""

from mrak.services.lambda_ import function_operations, invoke_operations

__all__ = ["function_operations", "invoke_operations"]
