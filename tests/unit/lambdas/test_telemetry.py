"""The Telemetry and Logs APIs: a real extension listens at its own port and prints what it was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.lambdas.function_bench import Bench
from tests.unit.lambdas.test_extensions import write_layer

LISTENER = """#!{python} -I
import http.server, json, os, socketserver, sys, threading, urllib.error, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
def ask(path, data=None, method=None, **headers):
    headers = {{name.replace("_", "-"): value for name, value in headers.items()}}
    return urllib.request.urlopen(urllib.request.Request(api + path, data, headers, method=method))
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["content-length"]))):
            if event["type"] != "function" or not str(event["record"]).startswith("GOT"):
                print("GOT", json.dumps(event), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if b"GOT" not in line:
                print("GOT", line.decode().strip(), flush=True)
register = json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}).encode()
identifier = ask("/2020-01-01/extension/register", register, Lambda_Extension_Name="watcher").headers[
    "Lambda-Extension-Identifier"]
path, version, protocol = {subscription}
server = http.server.HTTPServer if protocol == "HTTP" else socketserver.TCPServer
listener = server(("0.0.0.0", 0), Listener if protocol == "HTTP" else Lines)
port = listener.server_address[1]
threading.Thread(target=listener.serve_forever, daemon=True).start()
destination = {{"protocol": protocol}}
if protocol == "HTTP":
    destination["URI"] = f"http://sandbox.localdomain:{{port}}/events"
else:
    destination["port"] = port
def subscribe(**change):
    wanted = {{"schemaVersion": version, "types": ["platform", "function"], "buffering": {{"timeoutMs": 25}},
              "destination": destination, **change}}
    try:
        return ask(path, json.dumps(wanted).encode(), "PUT", Lambda_Extension_Identifier=identifier).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
print("SUBSCRIBED", subscribe(types=[]), subscribe(), flush=True)
def next_event():
    return json.load(ask("/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier))["eventType"]
while next_event() != "SHUTDOWN":
    pass
"""
CODE = "def handler(event, context):\n    print('hello from', context.aws_request_id)\n    return 1\n"


@pytest.mark.parametrize(
    ("path", "version", "protocol"),
    [
        ("/2022-07-01/telemetry", "2022-12-13", "HTTP"),
        ("/2022-07-01/telemetry", "2022-12-13", "TCP"),
        ("/2020-08-15/logs", "2021-03-18", "HTTP"),
    ],
)
def test_an_extension_hears_what_happens(bench: Bench, path: str, version: str, protocol: str) -> None:
    """All of a life: what was before the subscription, the function's lines, and the report of the invocation."""
    layer = write_layer(
        bench, f"layer-{version}-{protocol}", LISTENER.replace("{subscription}", repr((path, version, protocol)))
    )
    spec = bench.python(CODE, layer_dirs=(layer,), fingerprint="t")
    bench.ask(spec)
    bench.wait_for_log(spec, '"platform.report"')
    log = "".join(bench.log(spec))
    assert 'SUBSCRIBED {"errorMessage":"types should not be empty","errorType":"ValidationError"} "OK"' in log
    events = [json.loads(line[4:]) for line in log.splitlines() if line.startswith("GOT ")]
    by_type: dict[str, Any] = {event["type"]: event["record"] for event in events}
    request_id = by_type["platform.start"]["requestId"]
    assert f"hello from {request_id}" in [event["record"] for event in events if event["type"] == "function"]
    assert by_type["platform.report"]["metrics"]["memorySizeMB"] == 256
    done = by_type["platform.runtimeDone"]
    assert (done["requestId"], done["status"], done["metrics"]["producedBytes"]) == (request_id, "success", 1)
    is_logs = "logs" in path
    assert ("platform.end" in by_type) == is_logs
    assert ("platform.initStart" in by_type) == ("platform.initReport" in by_type) == (not is_logs)
    subscription = by_type["platform.logsSubscription" if is_logs else "platform.telemetrySubscription"]
    assert subscription == {"name": "watcher", "state": "Subscribed", "types": ["platform", "function"]}


def test_a_stranger_may_not_subscribe(bench: Bench) -> None:
    """Who has not registered gets nothing, and a destination outside the instance is refused."""
    code = """
        import json, os, urllib.error, urllib.request
        api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
        def put(identifier, uri):
            body = json.dumps({"schemaVersion": "2022-12-13", "types": ["function"],
                               "destination": {"protocol": "HTTP", "URI": uri}}).encode()
            request = urllib.request.Request(api + "/2022-07-01/telemetry", body, method="PUT",
                                             headers={"Lambda-Extension-Identifier": identifier})
            try:
                return urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                return error.code
        register = urllib.request.Request(api + "/2020-01-01/extension/register", b'{"events": []}',
                                          {"Lambda-Extension-Name": "inside"})
        identifier = urllib.request.urlopen(register).headers["Lambda-Extension-Identifier"]
        def handler(event, context):
            outside, inside = "http://10.0.0.1:9", "http://sandbox:9"
            return [put("x", inside), put(identifier, outside), put(identifier, inside)]
        """
    assert bench.ask(bench.python(code)) == [403, 400, 200]
