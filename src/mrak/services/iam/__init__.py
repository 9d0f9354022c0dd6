"""AWS IAM. Importing this package registers its operations.

roles, users, groups, policies    operations by resource     entities      what the three holders of policies share
accesskeys, providers, account    further operations         managed       managed policies, AWS's (awsmanaged) too
instanceprofiles, saml            containers of roles, SAML  certificates  server, signing and SSH keys (checked by pem)
mfa, passwords, reports           devices, logins, reports   tagging       tags of what is no role, user or group
simulation    the policy simulator                           effective     the policies that bear on a principal
tables        rows and their invariants                      errors        the service's errors
names         ids, ARNs, tags and pages                      exports       what the engine and other services may use
"""

from mrak.services.iam import (
    accesskeys,
    account,
    certificates,
    groups,
    instanceprofiles,
    mfa,
    passwords,
    policies,
    providers,
    reports,
    roles,
    saml,
    simulation,
    users,
)

__all__ = [
    "accesskeys",
    "account",
    "certificates",
    "groups",
    "instanceprofiles",
    "mfa",
    "passwords",
    "policies",
    "providers",
    "reports",
    "roles",
    "saml",
    "simulation",
    "users",
]
