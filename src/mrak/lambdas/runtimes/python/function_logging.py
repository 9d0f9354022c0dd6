"""What AWS's Python runtime does to `logging`: a handler on the root logger, in Text or JSON.

A record that spans lines stays one log event: it leaves in a frame (magic, length, time), which the server tells from
printed lines. https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import json
import logging
import os
import struct
import time

FRAME_MAGIC = 0xA55A0003
_FRAME = struct.Struct(">IIQ")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({})))
_RESERVED = _STANDARD_FIELDS | {"message", "asctime", "taskName", "aws_request_id", "tenant_id"}
_LEVELS = {"TRACE": logging.DEBUG, "FATAL": logging.CRITICAL}


class Logs:
    """The log of this instance; `request_id` is the invocation under way."""

    def __init__(self, descriptor, as_json):
        self.descriptor = descriptor
        self.as_json = as_json
        self.request_id = ""

    def write(self, text):
        body = text.encode("utf-8", "backslashreplace")
        data = _FRAME.pack(FRAME_MAGIC, len(body), time.time_ns() // 1000) + body
        while data:
            data = data[os.write(self.descriptor, data) :]

    def write_error(self, report):
        """An error that ends an invocation, as AWS's runtime logs it."""
        if self.as_json:
            fields = {"timestamp": _timestamp(time.time()), "log_level": "ERROR", **report}
            if not report["requestId"]:
                del fields["requestId"]
            self.write(json.dumps(fields, ensure_ascii=False) + "\n")
            return
        lines = [
            "[ERROR] {}: {}".format(report["errorType"], report["errorMessage"]),
            "Traceback (most recent call last):",
        ]
        for entry in report["stackTrace"]:
            lines.extend(_indent_visibly(line) for line in entry.splitlines())
        self.write("\n".join(lines) + "\n")


def _indent_visibly(line):
    text = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(text)) + text


def _timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Handler(logging.Handler):
    def __init__(self, logs):
        super().__init__()
        self.logs = logs

    def emit(self, record):
        try:
            self.logs.write(self.format(record))
        except Exception:  # logging's own contract: report through handleError
            self.handleError(record)


class RequestFilter(logging.Filter):
    def __init__(self, logs):
        super().__init__()
        self.logs = logs

    def filter(self, record):
        record.aws_request_id = self.logs.request_id
        record.tenant_id = None
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        fields = {
            "timestamp": _timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            fields.update(_describe(record.exc_info))
        fields.update((key, value) for key, value in record.__dict__.items() if key not in _RESERVED)
        if record.aws_request_id:
            fields["requestId"] = record.aws_request_id
        return json.dumps({k: v for k, v in fields.items() if v is not None}, default=str, ensure_ascii=False) + "\n"


def _describe(exc_info):
    import traceback

    kind, error, trace = exc_info
    last = traceback.extract_tb(trace)[-1:] if trace else []
    return {
        "stackTrace": traceback.format_list([tuple(frame) for frame in traceback.extract_tb(trace)]),
        "errorType": kind.__name__ if kind else None,
        "errorMessage": str(error),
        "location": f"{last[0].filename}:{last[0].name}:{last[0].lineno}" if last else None,
    }


def set_up(descriptor):
    """Gives the root logger AWS's handler; levels as the function's logging configuration says."""
    as_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
    logs = Logs(descriptor, as_json)
    handler = Handler(logs)
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        form = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
        form.converter = time.gmtime
        handler.setFormatter(form)
    handler.addFilter(RequestFilter(logs))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL") if as_json else None
    root.setLevel(_LEVELS.get(level, level) if level else logging.WARNING)
    return logs
