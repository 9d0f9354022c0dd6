"""Amazon Cognito identity pools. Importing this package registers its operations.

pool_operations   administrators' operations           identity_operations   what apps call, without a signature
pools             pools, identities and their ids      logins                tokens of providers, and our own
roles             which role an identity gets          tables, errors        rows and their invariants, errors
exports           what other services may use
"""

from mrak.services.cognito_identity import identity_operations, pool_operations

__all__ = ["identity_operations", "pool_operations"]
