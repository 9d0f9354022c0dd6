"""Amazon Cognito user pools. Importing this package registers its operations and the hosted pages.

pool_, part_, secret_operations       pools, app clients; domains, resource servers; secrets
branding_operations                  the look of managed login, terms
signup_, auth_, self_operations      what apps call for their users: signing up, signing in, looking after oneself
admin_, group_, import_operations    what administrators call
device_, passkey_operations          remembered devices, passkeys, first factors
authentication, challenges, custom   the flows of signing in, and the answers to challenges
federation, federation_operations    users who come from other identity providers
first_factors, devices, passkeys     USER_AUTH's choice, and what proves a device or an authenticator
srp, passwords, mfa, codes, sessions the parts of which flows are made
tokens, claims, signing, certificates   what a sign-in ends with
triggers, messages, migration        Lambda triggers, and what users are sent
senders, sealing                     functions that send it, and the encryption of what they get
users, schema, pools, tiers, listing, imports   the domain: users, attributes, settings
tables, errors, exports              rows and their invariants, errors, what other services may use
"""

from mrak.services.cognito_idp import (
    admin_operations,
    auth_operations,
    branding_operations,
    certificates,
    device_operations,
    federation_operations,
    group_operations,
    import_operations,
    part_operations,
    passkey_operations,
    pool_operations,
    secret_operations,
    self_operations,
    signup_operations,
)
from mrak.services.cognito_idp.pages import plane

__all__ = [
    "admin_operations",
    "auth_operations",
    "branding_operations",
    "certificates",
    "device_operations",
    "federation_operations",
    "group_operations",
    "import_operations",
    "part_operations",
    "passkey_operations",
    "plane",
    "pool_operations",
    "secret_operations",
    "self_operations",
    "signup_operations",
]
