"""/_mrak/debug: runs a function under a debugger, or as ever again.

POST /_mrak/debug {"environment": "default", "function": "hello", "region": "us-east-1", "port": 5678}
POST /_mrak/debug {"environment": "default", "function": "hello", "region": "us-east-1", "off": true}
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.core.scope import DEFAULT_ENVIRONMENT, Scope
from mrak.engine.environments import Environments
from mrak.gateway.admin import Admin, Refused
from mrak.lambdas.debugging import CannotDebug
from mrak.lambdas.functions import Functions


class _Asked(msgspec.Struct, frozen=True):
    function: str
    environment: str = DEFAULT_ENVIRONMENT
    region: str = "us-east-1"
    port: int = 0
    off: bool = False


class DebugPages:
    def __init__(self, functions: Functions, environments: Environments) -> None:
        self._functions = functions
        self._environments = environments

    def add_to(self, admin: Admin) -> None:
        admin.page("POST", "/_mrak/debug", self._debug)

    async def _debug(self, request: Request) -> dict[str, Any]:
        from mrak.services.lambda_ import exports

        try:
            asked = msgspec.json.decode(request.body or b"{}", type=_Asked)
        except msgspec.DecodeError as error:
            raise Refused(400, str(error)) from None
        if asked.environment not in self._environments.rows:
            raise Refused(404, f"There is no environment {asked.environment}.")
        environment = await self._environments.require(asked.environment)
        scope = Scope(asked.environment, environment.account, asked.region)

        def look(tx: Transaction) -> tuple[str, str]:
            return exports.require_runtime(tx, scope, asked.function)

        try:
            name, runtime = await environment.transact(look)
            port = self._functions.debug(asked.environment, name, "" if asked.off else runtime, asked.port)
        except ApiError as error:
            raise Refused(error.status, error.message) from None
        except CannotDebug as error:
            raise Refused(400, str(error)) from None
        return {"function": name, "runtime": runtime, "port": port}
