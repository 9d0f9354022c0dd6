"""AWS Secrets Manager.

operations    secrets and their values            listing       describe, list, batches
rotation      rotation by functions               replication   replicas in other regions
policies      resource policies                   workers       recovery windows, rotations
secrets       look-up, values, labels, rendering  passwords     random passwords
tables        rows and their invariants           errors        the service's errors
"""

from mrak.services.secretsmanager import access, listing, operations, policies, replication, rotation, workers

__all__ = ["access", "listing", "operations", "policies", "replication", "rotation", "workers"]
