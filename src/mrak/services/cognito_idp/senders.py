"""Functions that send users their codes and passwords, instead of Cognito: CustomEmailSender and CustomSMSSender.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-sender-triggers.html

They are invoked asynchronously, and get what they have to send encrypted with the pool's KMS key.
"""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.services.cognito_idp import errors, pools, sealing, triggers
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import User
from mrak.services.kms import exports as kms
from mrak.services.lambda_ import exports as functions

_KINDS: Final = {"EMAIL": "CustomEmailSender", "SMS": "CustomSMSSender"}


class Occasion(msgspec.Struct, frozen=True):
    """Why a message is sent: the part of the trigger's source behind the `_`, and what the caller said with it."""

    source: str
    metadata: dict[str, str] | None = None


class Errand(msgspec.Struct, frozen=True):
    """What is to be sent by EMAIL or SMS: a code, or a temporary password."""

    medium: str
    occasion: Occasion
    code: str


def send(ctx: Context, tx: Transaction, target: Target, user: User, errand: Errand) -> bool:
    """Leaves a code to the pool's function; False where it has none for the medium."""
    occasion = errand.occasion
    kind, config = _KINDS[errand.medium], target.pool.settings.get("LambdaConfig", {})
    function_arn = config.get(kind, {}).get("LambdaArn")
    if function_arn is None:
        return False
    context = {"userPoolId": target.pool.id}
    try:
        made = kms.data_key(ctx, tx, config["KMSKeyID"], context)
    except ApiError as error:
        raise errors.not_delivered(error.message) from None
    sealed = sealing.seal(errand.code.encode(), sealing.DataKey(*made, context), ctx.draw.bytes(16))
    request = {
        "type": f"{kind[0].lower()}{kind[1:]}RequestV1",
        "code": base64.b64encode(sealed).decode(),
        "userAttributes": triggers.attributes_of(user),
    }
    request = triggers.with_metadata(request, occasion.metadata)
    event = triggers.event_of(target, f"{kind}_{occasion.source}", user.username, request, {})
    caller = (triggers.CALLER, target.scope.account, pools.pool_arn(target.scope, target.pool.id))
    tx.enqueue(functions.event_delivery(ctx, function_arn, msgspec.json.encode(event), caller=caller))
    return True
