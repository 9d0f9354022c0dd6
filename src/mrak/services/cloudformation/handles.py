"""`core.resource.Resource`: a resource of a stack while one of its type's functions runs."""

from __future__ import annotations

import re
from typing import Any

from mrak.auth.principals import Principal
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.resource import ResourceType
from mrak.services.cloudformation.fitting import fit_input
from mrak.services.cloudformation.tables import Row, Stack

_FIELD = re.compile(r"\{(\w[\w.]*)\}")
_ASK_SECONDS = 0.05
_PATIENCE_SECONDS = 3600.0


class Handle:
    """Lives for one creation, update or deletion."""

    def __init__(self, ctx: Context, kind: ResourceType, stack: Stack, row: Row, principal: Principal) -> None:
        self.ctx = ctx
        self.type = row.type
        self.logical_id = row.logical_id
        self.name = row.name
        self.physical_id = row.physical_id
        self.attributes = dict(row.attributes)
        self.properties: dict[str, Any] = {}
        self.old_properties: dict[str, Any] = {}
        self.stack_id = stack.id
        self.stack_name = stack.name
        self.tags: list[dict[str, str]] = []
        self.token = row.token
        self.stack = stack
        self._service = kind.service
        self._principal = principal

    async def call(self, operation: str, params: dict[str, Any], service: str = "") -> dict[str, Any]:
        name = service or self._service
        try:
            fitted = fit_input(name, operation, params)
        except KeyError as error:
            raise ApiError("NotImplemented", f"{name}:{operation} is not known", 501) from error
        return await self.ctx.call(name, operation, fitted, principal=self._principal)

    def fill(self, text: str, output: dict[str, Any] | None = None) -> Any:
        if "{" not in text:
            return self._find(text, output or {})
        return _FIELD.sub(lambda match: str(self._field(match[1], output or {})), text)

    def changed(self, *names: str) -> bool:
        return any(self.properties.get(name) != self.old_properties.get(name) for name in names)

    async def until(self, operation: str, params: dict[str, Any], path: str, wanted: tuple[str, ...]) -> dict[str, Any]:
        give_up = self.ctx.clock() + _PATIENCE_SECONDS
        while True:
            answer = await self.call(operation, params)
            if self._find(path, answer) in wanted:
                return answer
            if self.ctx.clock() > give_up:
                raise ApiError("NotStabilized", f"{self.logical_id} did not stabilize.")
            await self.ctx.sleep_until(self.ctx.clock() + _ASK_SECONDS)

    def _field(self, name: str, output: dict[str, Any]) -> Any:
        scope = self.ctx.scope
        known = {
            "id": self.physical_id,
            "name": self.name or self.physical_id,
            "account": scope.account,
            "region": scope.region,
            "partition": scope.partition,
        }
        if name in known:
            return known[name]
        return self._find(name, output)

    def _find(self, path: str, output: dict[str, Any]) -> Any:
        for source in (output, self.properties, self.attributes):
            found: Any = source
            for part in path.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found is not None:
                return found
        return self.attributes.get(path, "")
