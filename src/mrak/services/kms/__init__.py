"""AWS Key Management Service.

key_operations    keys, aliases, policies, tags     crypto_operations   encrypt, decrypt, sign, data keys, MACs
rotation          automatic and on demand           regions             multi-region keys
imports           imported material                 wrapping            how it is wrapped on its way
grants            grants                            workers             deletion, rotation, expiry
keys              look-up by id, ARN and alias; states and checks
crypto            what the key material does (cryptography, loaded at first use)
tables            rows and their invariants         errors              the service's errors
"""

from mrak.services.kms import crypto_operations, grants, imports, key_operations, regions, rotation, workers

__all__ = ["crypto_operations", "grants", "imports", "key_operations", "regions", "rotation", "workers"]
