"""CREATE_IN_PROGRESS and UPDATE_IN_PROGRESS: what the target version wants and the stack has not is made or changed."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.resource import ResourceType
from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.references import attribute_path
from mrak.services.cloudformation import exporting
from mrak.services.cloudformation.evaluation import Evaluation, open_version, resolve_stored
from mrak.services.cloudformation.events import set_status
from mrak.services.cloudformation.graph import walk
from mrak.services.cloudformation.names import generate_name
from mrak.services.cloudformation.process import Process, begun_again, require_type
from mrak.services.cloudformation.tables import Row, Snapshot

_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_CREATED = "Resource creation Initiated"


async def deploy(process: Process) -> None:
    """Brings every resource of the target version to what it should be, then ends the operation or turns it round."""
    status = process.stack.status
    target = await process.transact(lambda tx: process.version(tx, process.stack.target))
    if target.failure:
        await turn_round(process, target.failure)
        return
    try:
        evaluation = await process.transact(lambda tx: _open(process, tx))
    except TemplateError as error:
        await turn_round(process, error.message)
        return
    problem = _find_bad_attribute(evaluation)
    if problem:
        await turn_round(process, problem)
        return
    enabled = evaluation.enabled()
    edges = evaluation.template.edges(evaluation.values.conditions)
    failed: list[str] = []

    async def work(name: str) -> bool:
        fine = await _Deployment(process, evaluation, name, edges[name] & enabled.keys()).run()
        if not fine:
            failed.append(name)
        elif not await process.still(status):
            return False
        return fine

    await walk(
        {name: edges[name] & enabled.keys() for name in enabled}, work, go_on=lambda: not process.stack.cancelled
    )
    if not await process.still(status):
        return
    if process.stack.cancelled:
        await process.set_status("UPDATE_ROLLBACK_IN_PROGRESS", "", cancelled=False)
    elif failed:
        await turn_round(process, _failure_reason(process, failed))
    else:
        await _complete(process, evaluation)


def _open(process: Process, tx: Transaction) -> Evaluation:
    version = process.version(tx, process.stack.target)
    return open_version(tx, process.ctx.scope, process.stack, version, process.rows)


def _failure_reason(process: Process, failed: list[str]) -> str:
    verb = "update" if all(process.rows[name].status == "UPDATE_FAILED" for name in failed) else "create"
    return f"The following resource(s) failed to {verb}: [{', '.join(sorted(failed))}]. "


async def turn_round(process: Process, reason: str) -> None:
    """What follows a failure: back to where the stack was, unless the user wants to see it as it is."""
    creating = process.stack.status == "CREATE_IN_PROGRESS"
    if process.stack.on_failure == "DO_NOTHING":
        await process.set_status("CREATE_FAILED" if creating else "UPDATE_FAILED", reason)
    elif not creating:
        await process.set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
    elif process.stack.on_failure == "DELETE":
        await process.set_status("DELETE_IN_PROGRESS", f"{_ended(reason)} Delete requested by user.")
    else:
        told = f"{_ended(reason)} Rollback requested by user."
        await process.set_status("ROLLBACK_IN_PROGRESS", told, deleted_at=process.ctx.clock())


def _ended(reason: str) -> str:
    return reason.rstrip() if reason.endswith(". ") else f"{reason}."


async def _complete(process: Process, evaluation: Evaluation) -> None:
    """Outputs and exports, then the final status, or the cleanup after an update; all in one transaction."""
    creating = process.stack.status == "CREATE_IN_PROGRESS"
    now = process.ctx.clock()

    def finish(tx: Transaction) -> str:
        evaluation_now = _open(process, tx)
        try:
            outputs = resolve_stored(tx, process.ctx.scope, evaluation_now.outputs(), secrets=False)
            exporting.put_exports(tx, process.ctx.scope, process.stack, outputs)
        except TemplateError as error:
            return error.message
        exporting.put_imports(tx, process.ctx.scope, process.stack, evaluation.imported | evaluation_now.imported)
        set_status(
            process.ctx,
            tx,
            process.stack.id,
            "CREATE_COMPLETE" if creating else "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            outputs=outputs,
            version=process.stack.target,
            updated_at=process.stack.updated_at if creating else now,
        )
        return ""

    problem = await process.transact(finish)
    if problem:
        await turn_round(process, problem)


def _find_bad_attribute(evaluation: Evaluation) -> str:
    """The first Fn::GetAtt for an attribute that the resource's type does not have; "" where there is none."""
    resources = evaluation.template.resources
    for section in ("Resources", "Outputs"):
        for path, argument in _attribute_uses(evaluation.template.section(section), f"/{section}"):
            name, attribute = attribute_path(argument)
            if name not in resources or not isinstance(attribute, str):
                continue
            try:
                kind = require_type(resources[name]["Type"])
            except ApiError:
                continue
            given = resources[name].get("Properties", {})
            if not kind.open_attributes and attribute not in kind.attributes and attribute.split(".")[0] not in given:
                type_name = resources[name]["Type"]
                return f"[Error] {path}: Resource type {type_name} does not support attribute {{{attribute}}}"
    return ""


def _attribute_uses(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [use for at, inner in enumerate(value) for use in _attribute_uses(inner, f"{path}/{at}")]
    if not isinstance(value, dict):
        return []
    if len(value) == 1 and "Fn::GetAtt" in value:
        return [(f"{path}/Fn::GetAtt", value["Fn::GetAtt"])]
    return [use for key, inner in value.items() for use in _attribute_uses(inner, f"{path}/{key}")]


class _Deployment:
    """One resource's way to the target version."""

    def __init__(self, process: Process, evaluation: Evaluation, name: str, needs: set[str]) -> None:
        self.process = process
        self.evaluation = evaluation
        self.name = name
        self.needs = needs
        self.declared = evaluation.template.resources[name]

    async def run(self) -> bool:
        row = self.process.rows.get(self.name)
        target = self.process.stack.target
        if row is not None and row.settled == target and row.status.endswith("_COMPLETE"):
            return True
        try:
            kind = require_type(self.declared["Type"])
            properties = await self._properties()
            self._check(kind, json.loads(properties))
        except TemplateError as error:
            return await self._refuse(row, error.message)
        except ApiError as error:
            return await self._refuse(row, error.message)
        if row is None or row.status == "DELETE_COMPLETE":
            return await self._create(kind, properties, None)
        if row.reason == _CREATED and row.status.endswith("_IN_PROGRESS"):
            return await self._complete(row)
        if row.status.startswith("CREATE_") and not row.status.endswith("_COMPLETE"):
            if row.status == "CREATE_FAILED" and row.physical_id:
                await self.process.destroy(row, row.physical_id, row.properties, row.attributes)
            return await self._create(kind, properties, row if row.status == "CREATE_IN_PROGRESS" else None)
        return await self._change(kind, properties, row)

    async def _properties(self) -> str:
        """The properties as evaluated now, as text that tells whether they changed."""

        def read(tx: Transaction) -> Any:
            fresh = open_version(
                tx,
                self.process.ctx.scope,
                self.process.stack,
                self.process.version(tx, self.process.stack.target),
                self.process.rows,
            )
            found = resolve_stored(tx, self.process.ctx.scope, fresh.properties(self.name), secrets=False)
            self.evaluation.imported |= fresh.imported
            return found

        return json.dumps(await self.process.transact(read), sort_keys=True)

    def _check(self, kind: ResourceType, properties: dict[str, Any]) -> None:
        for name in kind.required:
            if name not in properties:
                raise TemplateError(f"Property validation failure: [The property {{/{name}}} is required]")

    def _described(self, row: Row, properties: str) -> Row:
        """The row with what the template says besides the properties."""
        return replace(
            row,
            properties=properties,
            needs=sorted(self.needs),
            deletion_policy=str(self.declared.get("DeletionPolicy", "Delete")),
            replace_policy=str(self.declared.get("UpdateReplacePolicy", "Delete")),
            metadata=json.dumps(self.declared["Metadata"]) if "Metadata" in self.declared else "",
            reason="",
        )

    async def _refuse(self, row: Row | None, reason: str) -> bool:
        """A failure before anything was done."""
        status = "CREATE_FAILED" if row is None or row.change == "create" else "UPDATE_FAILED"
        change = "create" if row is None else row.change
        row = row or self._new_row()
        await self.process.put(replace(row, status=status, reason=reason, change=change))
        return False

    def _new_row(self) -> Row:
        return Row(
            stack_id=self.process.stack.id,
            logical_id=self.name,
            type=self.declared["Type"],
            status="CREATE_IN_PROGRESS",
            updated_at=self.process.ctx.clock(),
            change="create",
            properties=json.dumps(self.declared.get("Properties", {})),
        )

    def _named(self, kind: ResourceType, row: Row, properties: str) -> Row:
        parsed = json.loads(properties)
        given = parsed.get(kind.name) if kind.name else None
        if given is not None:
            name = str(given)
        elif kind.name:
            name = generate_name(self.process.ctx, kind, self.process.stack.name, self.name, parsed)
        else:
            name = ""
        return replace(row, name=name, token=self.process.ctx.draw.uuid())

    async def _create(self, kind: ResourceType, properties: str, interrupted: Row | None) -> bool:
        row = interrupted
        if row is None or not row.token:
            row = self._named(kind, self._described(self._new_row(), properties), properties)
            row = await self.process.put(replace(row, status="CREATE_IN_PROGRESS", change="create"), physical_id="")
        else:
            row = begun_again(self._described(row, properties))
        return await self._made(row, "CREATE")

    async def _made(self, row: Row, verb: str) -> bool:
        """Makes the physical resource of a row that was committed as begun."""
        row, failure = await self.process.make(row)
        if failure is not None:
            await self.process.put(replace(row, status=f"{verb}_FAILED", reason=_explain(failure, row.type)))
            return False
        row = await self.process.put(replace(row, status=f"{verb}_IN_PROGRESS", reason=_CREATED))
        return await self._complete(row)

    async def _complete(self, row: Row) -> bool:
        """What a creation made needs no snapshot: if the stack's creation fails, everything goes."""
        target = self.process.stack.target
        change = row.change if self.process.stack.version else ""
        status = row.status.replace("_IN_PROGRESS", "_COMPLETE")
        await self.process.put(replace(row, status=status, reason="", settled=target, change=change))
        return True

    async def _change(self, kind: ResourceType, properties: str, row: Row) -> bool:
        if row.change == "replace" and row.before is not None:
            return await self._made(begun_again(replace(row, properties=properties)), "UPDATE")
        before = row.before if row.change == "update" and row.before is not None else row.snapshot()
        described = self._described(row, properties)
        old, new = json.loads(before.properties), json.loads(properties)
        version_tags_changed = await self._stack_tags_changed()
        if old == new and not version_tags_changed:
            await self.process.put(replace(described, settled=self.process.stack.target, status=row.status), tell=False)
            return True
        changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        recreated = {name for name in changed if kind.requires_recreation(name) == "Always"}
        if recreated:
            return await self._replace(kind, described, before)
        return await self._update(kind, described, before)

    async def _stack_tags_changed(self) -> bool:
        stack = self.process.stack

        def read(tx: Transaction) -> bool:
            if not stack.version:
                return False
            return self.process.version(tx, stack.version).tags != self.process.version(tx, stack.target).tags

        return await self.process.transact(read)

    async def _update(self, kind: ResourceType, row: Row, before: Snapshot) -> bool:
        row = await self.process.put(replace(row, status="UPDATE_IN_PROGRESS", change="update", before=before))
        _, handle = await self.process.handle(row, row.properties, before.properties)
        try:
            await kind.update(handle)
        except ApiError as error:
            await self.process.put(replace(row, status="UPDATE_FAILED", reason=_explain(error, row.type)))
            return False
        row = replace(row, physical_id=handle.physical_id, attributes=handle.attributes)
        await self.process.put(replace(row, status="UPDATE_COMPLETE", settled=self.process.stack.target))
        return True

    async def _replace(self, kind: ResourceType, row: Row, before: Snapshot) -> bool:
        new, old = json.loads(row.properties), json.loads(before.properties)
        if kind.unique_name and kind.name in new and new.get(kind.name) == old.get(kind.name):
            reason = (
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {before.physical_id} and update the stack again."
            )
            await self.process.put(replace(row, status="UPDATE_FAILED", reason=reason, change="update", before=before))
            return False
        begun = replace(row, status="UPDATE_IN_PROGRESS", reason=_REPLACING, change="replace", before=before)
        begun = self._named(kind, replace(begun, physical_id="", attributes={}), row.properties)
        begun = await self.process.put(begun, physical_id=before.physical_id)
        return await self._made(begun, "UPDATE")


def _explain(error: ApiError, type_name: str) -> str:
    """As the registry's handlers report an operation's error."""
    if error.code in ("CustomResourceFailed", "NotStabilized", "NestedStackFailed"):
        return error.message
    return (
        f"{error.message} (Service: {type_name.split('::')[1]}, Status Code: {error.status}, Error Code: {error.code})"
    )
