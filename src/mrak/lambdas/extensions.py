"""The Extensions API, version 2020-01-01: companions of a function, in its instance.

External extensions are programs under /opt/extensions, started before the runtime; internal ones live in the runtime's
own process. Each registers, then asks for the next event; an instance is ready for an invocation only when all that
want to hear of it have asked. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from mrak.core.functions import FunctionSpec, Invocation
from mrak.lambdas.runtime_api import RuntimeConnection, render_answer, render_invocation, render_refusal

_EVENTS = frozenset({"INVOKE", "SHUTDOWN"})
ACCEPTED = render_answer(202, "Accepted", b'{"status":"OK"}')
_UNKNOWN = render_refusal(403, "Forbidden", "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
_NAMELESS = render_refusal(403, "Forbidden", "Extension.InvalidExtensionName", "Lambda-Extension-Name is missing")
_BAD_EVENTS = render_refusal(400, "Bad Request", "InvalidEventType", "Events must be INVOKE or SHUTDOWN")

# Starts what stands in the folder, without the runtime's socket, then becomes the runtime.
_INIT = 'for e in "$0"/*; do if [ -f "$e" ] && [ -x "$e" ]; then "$e" 3<&- & fi; done; exec "$@"'


class _Registration(msgspec.Struct):
    events: list[str] = []


class Extension:
    def __init__(self, name: str, events: set[str]) -> None:
        self.name = name
        self.events = events
        self.waiting: RuntimeConnection | None = None


class Extensions:
    """The extensions of one instance. `expected` external ones must come before the first invocation."""

    def __init__(self, spec: FunctionSpec, expected: int, on_registered: Callable[[str, list[str]], None]) -> None:
        self._spec = spec
        self._expected = expected
        self._known: dict[str, Extension] = {}
        self.on_registered = on_registered

    def register(self, name: str, body: bytes, identifier: str) -> bytes:
        if not name:
            return _NAMELESS
        try:
            events = set(msgspec.json.decode(body or b"{}", type=_Registration).events)
        except msgspec.DecodeError:
            return _BAD_EVENTS
        if not events <= _EVENTS:
            return _BAD_EVENTS
        self._known[identifier] = Extension(name, events)
        self.on_registered(name, sorted(events))
        spec = self._spec
        shown = {"functionName": spec.name, "functionVersion": spec.version, "handler": spec.handler}
        return render_invocation([("Lambda-Extension-Identifier", identifier)], msgspec.json.encode(shown))

    def ask(self, identifier: str, connection: RuntimeConnection) -> bool:
        """An extension waits for its next event; False where it never registered."""
        extension = self._known.get(identifier)
        if extension is None:
            connection.send_invocation(_UNKNOWN)
            return False
        extension.waiting = connection
        return True

    def name_of(self, identifier: str) -> str:
        """The registered name; "" of a stranger."""
        known = self._known.get(identifier)
        return known.name if known is not None else ""

    @property
    def ready(self) -> bool:
        """Whether all have come, and all that hear of invocations wait for one."""
        listening = all(e.waiting is not None for e in self._known.values() if "INVOKE" in e.events)
        return listening and len(self._known) >= self._expected

    def announce(self, invocation: Invocation, deadline_ms: int, identifier: str) -> None:
        event = {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.invoked_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        self._send("INVOKE", event, identifier)

    def shut_down(self, reason: str, deadline_ms: int, identifier: str) -> bool:
        """Tells those that want to know; False where nobody does."""
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        return self._send("SHUTDOWN", event, identifier)

    def _send(self, kind: str, event: dict[str, object], identifier: str) -> bool:
        sent = False
        for extension in self._known.values():
            if kind in extension.events and extension.waiting is not None:
                connection, extension.waiting = extension.waiting, None
                headers = [("Lambda-Extension-Event-Identifier", identifier)]
                connection.send_invocation(render_invocation(headers, msgspec.json.encode(event)))
                sent = True
        return sent


def count_external(layers: str) -> int:
    """How many programs a merged layers folder brings."""
    folder = os.path.join(layers, "extensions") if layers else ""
    if not folder or not os.path.isdir(folder):
        return 0
    paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    return sum(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)


def with_extensions(command: list[str], layers_inside: str) -> list[str]:
    """A command that starts the extensions beside it."""
    return ["/bin/sh", "-c", _INIT, f"{layers_inside}/extensions", *command]
