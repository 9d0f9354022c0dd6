"""The Python runtime: loads a handler and serves the Runtime API, as AWS's own does towards the function.

Runs in the instance, in the user's interpreter: forked from the spawner (`run`) or, with an exec wrapper, as a
program (`python python_runtime.py FD`). It speaks the Runtime API over an inherited socket; an answer and the
request for the next invocation leave in one packet. Python 3.8 or later; imports nothing of mrak.

Messages and error shapes are those of AWS's runtime: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import importlib
import importlib.machinery
import io
import json
import os
import socket
import sys
import time
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import function_context
import function_logging
import local_names

SDK_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
API = "/2018-06-01/runtime"
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n"
_HERE = os.path.dirname(os.path.abspath(__file__))


class Fault(Exception):
    """An error that the runtime, not the function, has to report."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.trace = list(trace)


class SdkFinder:
    """Finds the AWS SDK where the server has it, and nothing else there: what AWS's runtime comes with."""

    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        if path is None and name in SDK_PACKAGES:
            return importlib.machinery.PathFinder.find_spec(name, [self.folder])
        return None


def add_sdk(folder):
    if folder and not any(isinstance(finder, SdkFinder) for finder in sys.meta_path):
        sys.meta_path.append(SdkFinder(folder))


# --- the Runtime API


class Api:
    """A lean HTTP client for the one server that it ever talks to."""

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.buffer = b""

    def next(self):
        head, body = self.receive()
        headers = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b": ")
            headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        return headers, body

    def ask(self):
        self.socket.sendall(NEXT)

    def answer(self, request_id, body):
        """Posts the response and asks for more in one go. The server may refuse a response (413): then its words
        are in the log already, and there is nothing to do about it."""
        head = "POST %s/invocation/%s/response HTTP/1.1\r\nHost: runtime\r\nContent-Length: %d\r\n\r\n"
        self.socket.sendall((head % (API, request_id, len(body))).encode() + body + NEXT)
        self.receive()

    def post_error(self, path, error, following=b""):
        body = to_json(error).encode("utf-8", "replace")
        head = (
            "POST %s%s HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n"
            "Lambda-Runtime-Function-Error-Type: %s\r\nContent-Length: %d\r\n\r\n"
        )
        kind = error["errorType"].encode("ascii", "replace").decode()
        self.socket.sendall((head % (API, path, kind, len(body))).encode() + body + following)
        self.receive()

    def receive(self):
        buffer = self.buffer
        end = buffer.find(b"\r\n\r\n")
        while end < 0:
            buffer += self.more()
            end = buffer.find(b"\r\n\r\n")
        head = buffer[:end]
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        missing = end + 4 + size - len(buffer)
        if missing > 0:
            parts = [buffer]
            while missing > 0:
                part = self.more()
                parts.append(part)
                missing -= len(part)
            buffer = b"".join(parts)
        self.buffer = buffer[end + 4 + size :]
        return head, buffer[end + 4 : end + 4 + size]

    def more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            os._exit(0)  # the server is gone, and with it the reason to live
        return data


# --- handlers and errors


def load_handler(name):
    """The function that `module.function` names; raises Fault as AWS's runtime words it."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from None
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message)
    return getattr(module, function_name)


def describe(error, request_id):
    """An exception in AWS's shape; the frames of this runtime are left out of its stack trace."""
    if isinstance(error, Fault):
        return {"errorMessage": str(error), "errorType": error.kind, "requestId": request_id, "stackTrace": error.trace}
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename.startswith(_HERE):
        del frames[0]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list([tuple(frame) for frame in frames]),  # without marks below the code
    }


class Encoder(json.JSONEncoder):
    def default(self, value):
        import decimal

        if isinstance(value, decimal.Decimal):
            return float(value)
        return super().default(value)


def _keeps_unicode():
    """From Python 3.12 on, AWS's runtime writes characters beyond ASCII as they are."""
    _, _, version = os.environ.get("AWS_EXECUTION_ENV", "").partition("python")
    return version not in ("3.7", "3.8", "3.9", "3.10", "3.11")


def to_json(value):
    return json.dumps(value, cls=Encoder, ensure_ascii=not _keeps_unicode())


# --- the loop


def run(descriptor, log, sdk_folder):
    """Serves until the server hangs up; returns the exit status."""
    _take_output(log)
    api = Api(descriptor)
    _set_paths(sdk_folder)
    time.tzset()
    local_names.resolve_local_names()
    sys.modules["__main__"] = types.ModuleType("__main__")  # the function is not the spawner
    logs = function_logging.set_up(log)
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:  # whatever the user's module raised is to be reported
        report = describe(error, "")
        logs.write_error(report)
        flush()
        api.post_error("/init/error", report)
        return 1
    encoder = Encoder(ensure_ascii=not _keeps_unicode())
    api.ask()
    while True:
        serve_one(api, handler, encoder, logs)


def serve_one(api, handler, encoder, logs):
    headers, body = api.next()
    request_id = headers["lambda-runtime-aws-request-id"]
    trace = headers.get("lambda-runtime-trace-id", "")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    logs.request_id = request_id
    try:
        answer = _call(handler, encoder, headers, body)
    except Exception as error:  # whatever the handler raised is to be reported
        report = describe(error, request_id)
        logs.write_error(report)
        flush()
        api.post_error(f"/invocation/{request_id}/error", report, NEXT)
    else:
        flush()
        api.answer(request_id, answer)


def _call(handler, encoder, headers, body):
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    value = handler(event, function_context.LambdaContext(headers))
    if isinstance(value, bytes):
        return value
    try:
        return encoder.encode(value).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # the function closed it


def exit_status(end):
    """The status that `sys.exit` asked for; a text goes to standard error, as Python does it."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def _take_output(log):
    for name, descriptor in (("stdout", log), ("stderr", 2)):
        raw = io.FileIO(descriptor, "w", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _set_paths(sdk_folder):
    """The search path as on AWS: the function, its layers, then what the runtime brings."""
    task = os.environ["LAMBDA_TASK_ROOT"]
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    layers = os.environ.get("_LAYERS_ROOT", "/opt")
    os.environ.pop("_LAYERS_ROOT", None)
    standard = [path for path in sys.path if not path.startswith(os.path.dirname(_HERE))]
    extra = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    sys.path[:] = [
        task,
        f"{layers}/python/lib/{version}/site-packages",
        f"{layers}/python",
        *[path for path in extra if path != "/var/runtime"],
        *standard,
    ]
    _forget_preloaded_sdk()
    add_sdk(sdk_folder)
    for finder in sys.meta_path:
        if isinstance(finder, SdkFinder):
            finder.folder = sdk_folder
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def _forget_preloaded_sdk():
    """A function's own copy of the SDK goes before the preloaded one."""
    for folder in sys.path[:3]:
        places = [os.path.join(folder, package) for package in SDK_PACKAGES]
        if any(os.path.exists(place) or os.path.exists(place + ".py") for place in places):
            forget_sdk()
            return


def forget_sdk():
    for name in list(sys.modules):
        if name.partition(".")[0] in SDK_PACKAGES:
            del sys.modules[name]


def main():
    try:
        status = run(int(sys.argv[1]), 1, sys.argv[2] if len(sys.argv) > 2 else "")
    except SystemExit as end:
        status = exit_status(end)
    flush()
    os._exit(status)


if __name__ == "__main__":
    main()
