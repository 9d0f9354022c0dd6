"""AWS IAM. Importing this package registers its operations.

roles, users, groups, policies    operations by resource     entities      what the three holders of policies share
accesskeys, providers, account    further operations         managed       managed policies, AWS's (awsmanaged) too
simulation    the policy simulator                           effective     the policies that bear on a principal
tables        rows and their invariants                      errors        the service's errors
names         ids, ARNs, tags and pages                      exports       what the engine and other services may use
"""

from mrak.services.iam import accesskeys, account, groups, policies, providers, roles, simulation, users

__all__ = ["accesskeys", "account", "groups", "policies", "providers", "roles", "simulation", "users"]
