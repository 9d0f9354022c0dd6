"""Python functions in real processes: what they see, what they answer, how they fail."""

from __future__ import annotations

import json
import re

import pytest
from tests.unit.lambdas.function_bench import Bench

from mrak.lambdas.interpreters import pythons

ECHO = "def handler(event, context):\n    return event\n"


def test_event_and_answer_pass_unchanged(bench: Bench) -> None:
    """Text beyond ASCII, nesting, and falsy values survive the way."""
    event = {"a": [1, None, "ž", {"b": 1.5}], "empty": ""}
    assert bench.ask(bench.python(ECHO), event) == event
    assert bench.ask(bench.python(ECHO), None) is None


def test_environment_is_as_on_aws(bench: Bench) -> None:
    """Recorded: test_introspection_invoke[python3.11]; nothing of the server's environment leaks. LAMBDA-013: the
    programs are this machine's."""
    spec = bench.python(
        "import os\ndef handler(event, context):\n    return dict(os.environ)\n", environment={"TEST_KEY": "TEST_VAL"}
    )
    environment = bench.ask(spec)
    expected = """AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_EXECUTION_ENV
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION
        AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API
        AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_XRAY_CONTEXT_MISSING AWS_XRAY_DAEMON_ADDRESS
        LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT LANG LD_LIBRARY_PATH PATH PWD PYTHONPATH SHLVL TEST_KEY TZ
        _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT _HANDLER"""
    assert sorted(environment) == sorted(expected.split())
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert "/var/lang" not in environment["PATH"] and environment["PATH"].endswith("/opt/bin")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", environment["AWS_LAMBDA_LOG_STREAM_NAME"])


def test_context_object(bench: Bench) -> None:
    """Every documented field; Cognito identity and client context as the caller sent them."""
    spec = bench.python(
        """
        def handler(event, c):
            return [c.function_name, c.function_version, c.memory_limit_in_mb, c.aws_request_id, c.invoked_function_arn,
                    c.log_group_name, 0 < c.get_remaining_time_in_millis() <= 3000,
                    c.identity.cognito_identity_id, c.client_context.custom, c.client_context.client.app_title]
        """
    )
    client = '{"custom": {"k": "v"}, "client": {"app_title": "t"}}'
    invocation = bench.invocation(client_context=client, cognito_identity='{"cognitoIdentityId": "i"}')
    outcome = bench.loop.run_until_complete(bench.supervisor.invoke(spec, invocation))
    name, version, memory, request_id, arn, group, remaining, *rest = json.loads(outcome.payload)
    assert (name, version, memory, request_id) == (spec.name, "$LATEST", "256", invocation.request_id)
    assert (arn, group, remaining) == (invocation.invoked_arn, f"/aws/lambda/{spec.name}", True)
    assert rest == ["i", {"k": "v"}, "t"]


def test_state_is_kept_between_warm_calls_and_not_after_an_update(bench: Bench) -> None:
    """Recorded: test_lambda_cache_local; a new fingerprint means new code."""
    code = bench.write(app_py="n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
    spec = bench.spec(code, name="counter", fingerprint="1")
    assert [bench.ask(spec), bench.ask(spec)] == [1, 2]
    assert bench.ask(bench.spec(code, name="counter", fingerprint="2")) == 1


def test_exception_has_aws_shape(bench: Bench) -> None:
    """Recorded: test_uncaught_exception_invoke; the runtime's own frames are not shown."""
    spec = bench.python("def handler(event, context):\n    raise ValueError('some_error_msg')\n")
    error = bench.fail(spec)
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["errorMessage"], error["errorType"]) == ("some_error_msg", "ValueError")
    assert len(error["stackTrace"]) == 1
    assert re.match(r'  File "/.*/app.py", line 2, in handler\n', error["stackTrace"][0])
    logged = [line for line in bench.log(spec) if line.startswith("[ERROR]")]
    assert logged[0].startswith(
        "[ERROR] ValueError: some_error_msg\nTraceback (most recent call last):\n\u00a0\u00a0File"
    )


def test_exception_leaves_the_instance_warm(bench: Bench) -> None:
    """AWS keeps an environment whose handler raised."""
    spec = bench.python(
        """
        n = 0
        def handler(event, context):
            global n
            n += 1
            if event:
                raise KeyError("x")
            return n
        """
    )
    bench.fail(spec, 1)
    assert bench.ask(spec) == 2


def test_handler_that_cannot_be_loaded(bench: Bench) -> None:
    """AWS's words for each way to get the handler wrong."""
    code = bench.write(app_py=ECHO, broken_py="def (:\n", needs_py="import no_such_module\n")
    cases = {
        "app.nope": ("Runtime.HandlerNotFound", "Handler 'nope' missing on module 'app'"),
        "nomod.x": ("Runtime.ImportModuleError", "Unable to import module 'nomod': No module named 'nomod'"),
        "needs.x": ("Runtime.ImportModuleError", "Unable to import module 'needs': No module named 'no_such_module'"),
        "app": ("Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
        "sys.x": ("Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    }
    for handler, (kind, message) in cases.items():
        error = bench.fail(bench.spec(code, handler))
        assert error == {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []}
    error = bench.fail(bench.spec(code, "broken.x"))
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["errorMessage"].startswith("Syntax error in module 'broken': ")


def test_error_while_importing_starts_at_the_importer(bench: Bench) -> None:
    """Recorded: test_lambda_runtime_error."""
    error = bench.fail(bench.python("raise Exception('Runtime startup fails')\n"))
    assert (error["errorMessage"], error["errorType"], error["requestId"]) == ("Runtime startup fails", "Exception", "")
    assert "in import_module" in error["stackTrace"][0] and "app.py" in error["stackTrace"][-1]


def test_answer_that_is_no_json(bench: Bench) -> None:
    error = bench.fail(bench.python("def handler(event, context):\n    return object()\n"))
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type object is not JSON serializable"


def test_exit_and_crash(bench: Bench) -> None:
    """Recorded: test_lambda_handler_exit for status 0; documented for others."""
    spec = bench.python(
        "import os, sys\ndef handler(event, context):\n    os.abort() if event == 'abort' else sys.exit(event)\n"
    )
    reasons = {
        0: "Runtime exited without providing a reason",
        1: "Runtime exited with error: exit status 1",
        "abort": "Runtime exited with error: signal: ",
    }
    for event, reason in reasons.items():
        error = bench.fail(spec, event)
        assert error["errorType"] == "Runtime.ExitError"
        assert re.match(f"RequestId: [0-9a-f-]{{36}} Error: {re.escape(reason)}", error["errorMessage"])


def test_timeout(bench: Bench) -> None:
    """Recorded: test_lambda_runtime_exit_segfault; the log says it in other words."""
    spec = bench.python("import time\ndef handler(event, context):\n    time.sleep(60)\n", timeout_seconds=0.25)
    error = bench.fail(spec)
    assert error["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(r"RequestId: \S+ Error: Task timed out after 0.25 seconds", error["errorMessage"])
    log = "".join(bench.log(spec))
    assert re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z [0-9a-f-]{36} Task timed out after 0.25 seconds\n\n", log)
    assert re.search(r"REPORT .*\tDuration: 250.00 ms\t.*Status: timeout\n", log)


def test_too_much_memory_is_killed(bench: Bench) -> None:
    """Memory beyond the configured size ends the instance, as on AWS."""
    code = """
        import time
        def handler(event, context):
            held = []
            while True:
                held.append(bytearray(8_000_000))
                time.sleep(0.005)
        """
    error = bench.fail(bench.python(code, memory_mb=128, timeout_seconds=20))
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")


def test_too_large_response(bench: Bench) -> None:
    """Recorded: test_lambda_too_large_response; the instance goes on."""
    spec = bench.python("def handler(event, context):\n    return 'x' * event\n")
    error = bench.fail(spec, 6_291_600)
    assert error == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert len(bench.ask(spec, 6_291_500)) == 6_291_500


def test_log_lines_in_order_and_tail(bench: Bench) -> None:
    """Recorded: test_multi_line_prints and test_invocation_with_logs; a logger's record stays one event."""
    spec = bench.python(
        """
        import logging
        logging.getLogger().setLevel("INFO")
        def handler(event, context):
            print("multi\\nline")
            logging.info("one\\ntwo")
            print("end", end="")
        """
    )
    outcome = bench.run(spec, log_tail=True)
    log = bench.log(spec)
    assert log[0].startswith("INIT_START Runtime Version: python:3.11\tRuntime Version ARN: arn:aws:lambda:")
    assert re.fullmatch(r"START RequestId: \S{36} Version: \$LATEST\n", log[1])
    assert log[2:4] == ["multi\n", "line\n"]
    assert re.fullmatch(r"\[INFO\]\t\d{4}-[\dT:.-]+Z\t\S{36}\tone\ntwo\n", log[4])
    assert re.fullmatch(r"END RequestId: \S{36}\n", log[5]) or log[5] == "end\n"
    assert re.match(r"REPORT RequestId: \S{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t", log[-1])
    assert outcome.log_tail.startswith(b"START RequestId:") and outcome.log_tail.endswith(b" ms\t\n")


def test_json_log_format(bench: Bench) -> None:
    """LoggingConfig JSON: records, errors and platform events are objects; levels are filtered."""
    code = """
        import logging
        def handler(event, context):
            logging.info("unseen")
            logging.warning("seen", extra={"order": 7})
        """
    spec = bench.python(code, log_format="JSON", application_log_level="WARN")
    bench.ask(spec)
    entries = [json.loads(line) for line in bench.log(spec)]
    assert [e.get("type") for e in entries] == ["platform.initStart", "platform.start", None, "platform.report"]
    entry = entries[2]
    assert (entry["level"], entry["message"], entry["logger"], entry["order"]) == ("WARNING", "seen", "root", 7)
    assert entry["requestId"] == entries[1]["record"]["requestId"]


def test_layers_are_found_and_later_ones_win(bench: Bench) -> None:
    """Layers appear under /opt in order; Python looks into /opt/python before its own libraries."""
    first, second = bench.folder / "layer1", bench.folder / "layer2"
    for folder, text in ((first, "one"), (second, "two")):
        (folder / "python").mkdir(parents=True)
        (folder / "python" / "shared.py").write_text(f"WORD = {text!r}\n")
        (folder / f"only_{text}").write_text(text)
    code = bench.write(
        app_py="import os, shared\ndef handler(event, context):\n    return [shared.WORD, sorted(os.listdir('/opt'))]\n"
    )
    spec = bench.spec(code, layer_dirs=(str(first), str(second)), fingerprint="layers")
    assert bench.ask(spec) == ["two", ["only_one", "only_two", "python"]]


def test_exec_wrapper(bench: Bench) -> None:
    """AWS_LAMBDA_EXEC_WRAPPER starts the runtime through a script of the function's."""
    code = bench.write(
        app_py="import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n",
        _wrapper='#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n',
    )
    spec = bench.spec(code, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"})
    assert bench.ask(spec) == "yes"


def test_absent_version_warns_once(bench: Bench) -> None:
    """python3.15 runs on the nearest version, and the log says so, once for the function."""
    spec = bench.python(ECHO, runtime="python3.15")
    bench.ask(spec)
    warnings = [line for line in bench.log(spec) if "WARNING" in line]
    assert len(warnings) == 1 and "Python 3.15 is not installed here; running on Python 3." in warnings[0]


def test_unknown_runtime_says_what_would_run(bench: Bench) -> None:
    """LAMBDA-012: no made-up success for a runtime that is not here."""
    error = bench.fail(bench.python(ECHO, runtime="dotnet8"))
    assert error["errorType"] == "Runtime.Unavailable" and "dotnet8" in error["errorMessage"]


def test_instances_do_not_share_randomness(bench: Bench) -> None:
    """Instances are forks of one process: none may draw what another draws."""
    code = """
        import os, random, tempfile, uuid
        def handler(event, context):
            return [random.random(), str(uuid.uuid4()), os.urandom(8).hex(), next(tempfile._get_candidate_names())]
        """
    drawn = [bench.ask(bench.python(code)) for _ in range(3)]
    assert all(len(set(column)) == 3 for column in zip(*drawn, strict=True))


def test_boto3_preloaded_or_not_is_the_functions_own_where_it_brings_one(bench: Bench) -> None:
    """A package's own SDK goes before the one that is there anyway, also once that was loaded ahead of time."""
    code = "import boto3\ndef handler(event, context):\n    return getattr(boto3, 'OWN', 'preinstalled')\n"
    assert bench.ask(bench.python(code, timeout_seconds=20)) == "preinstalled"
    assert bench.ask(bench.python(code, timeout_seconds=20)) == "preinstalled"
    own = bench.write(app_py=code, boto3_py="OWN = 'own'\n")
    assert bench.ask(bench.spec(own)) == "own"


@pytest.mark.parametrize("minor", sorted(pythons()))
def test_every_installed_version_runs_functions(bench: Bench, minor: int) -> None:
    """The spawner and the runtime run under each; an SDK that a version cannot load hurts only who imports it."""
    code = """
        import sys
        def handler(event, context):
            try:
                import boto3
            except Exception as error:
                print("no SDK here:", error)
            return list(sys.version_info[:2])
        """
    source = bench.write(app_py=code)
    for fingerprint in ("first", "second"):
        spec = bench.spec(source, runtime=f"python3.{minor}", fingerprint=fingerprint, timeout_seconds=20)
        assert bench.ask(spec) == [3, minor]
