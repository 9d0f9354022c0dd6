"""Pages under /_mrak about messages and events.

GET  /_mrak/outbox?environment=NAME&limit=N    email, SMS and push that would have left the machine, newest first
POST /_mrak/events/explain                     {"environment", "region", "bus", "event"}: for each rule of the bus,
                                               whether it takes the event, and if not, why
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.http import Request
from mrak.core.scope import DEFAULT_ENVIRONMENT, DEFAULT_REGION, Scope
from mrak.engine.environment import Environment
from mrak.engine.environments import Environments
from mrak.gateway.admin import Admin, Refused

_MOST = 1000


class Question(msgspec.Struct):
    """What /_mrak/events/explain is asked."""

    event: dict[str, Any]
    environment: str = DEFAULT_ENVIRONMENT
    region: str = DEFAULT_REGION
    bus: str = "default"


class MessagingPages:
    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    def add_to(self, admin: Admin) -> None:
        admin.page("GET", "/_mrak/outbox", self._show_outbox)
        admin.page("POST", "/_mrak/events/explain", self._explain)

    async def _show_outbox(self, request: Request) -> dict[str, Any]:
        from mrak.services.sns.exports import list_outbox

        asked = dict(request.query_pairs)
        limit = asked.get("limit", "100")
        if not limit.isdigit():
            raise Refused(400, "limit has to be a number.")
        environment = await self._require(asked.get("environment", DEFAULT_ENVIRONMENT))
        rows = await environment.transact(lambda tx: list_outbox(tx, environment.name, min(int(limit), _MOST)))
        return {"messages": rows}

    async def _explain(self, request: Request) -> dict[str, Any]:
        from mrak.services.events.exports import explain

        try:
            asked = msgspec.json.decode(request.body or b"", type=Question)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, f"The body is not the question: {error}") from None
        environment = await self._require(asked.environment)
        scope = Scope(environment.name, environment.account, asked.region)
        rules = await environment.transact(lambda tx: explain(tx, scope, asked.bus, asked.event))
        return {"rules": rules}

    async def _require(self, name: str) -> Environment:
        if name not in self._environments.rows:
            raise Refused(404, f"There is no environment {name}.")
        return await self._environments.require(name)
