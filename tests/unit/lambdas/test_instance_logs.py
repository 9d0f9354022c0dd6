"""Output becomes log events as on AWS (aws-recordings: TestCloudwatchLogs::test_multi_line_prints)."""

from __future__ import annotations

import json
import struct

from mrak.lambdas.logs import LINE_LIMIT_BYTES, LineCutter, PlatformJson, PlatformText, Report


def frame(text: str) -> bytes:
    return struct.pack(">IIQ", 0xA55A0003, len(text.encode()), 0) + text.encode()


def test_each_printed_line_is_an_event_with_its_line_break() -> None:
    """Carriage returns stay inside the event."""
    assert LineCutter().feed(b"multi\nline\nanother\rline\n") == ["multi\n", "line\n", "another\rline\n"]


def test_a_framed_record_is_one_event_wherever_packets_are_cut() -> None:
    """A traceback that a logger wrote must not fall apart, and half a frame must wait."""
    data = b"before\npartial" + frame("[ERROR] one\ntwo") + b"after\n"
    expected = ["before\n", "partial\n", "[ERROR] one\ntwo", "after\n"]
    for cut in range(len(data)):
        cutter = LineCutter()
        got = cutter.feed(data[:cut]) + cutter.feed(data[cut:])
        assert [line for line in got if line] == expected, cut
        assert "".join(got) == "".join(expected), cut


def test_a_line_without_end_is_cut_at_the_limit() -> None:
    """An endless line must not fill the server's memory."""
    cutter = LineCutter()
    got = cutter.feed(b"x" * (2 * LINE_LIMIT_BYTES + 5))
    assert [len(line) for line in got] == [LINE_LIMIT_BYTES, LINE_LIMIT_BYTES]
    assert cutter.finish() == ["x" * 5 + "\n"]


def test_report_lines_are_as_aws_writes_them() -> None:
    """Tools read REPORT lines; tabs and the trailing one matter."""
    report = Report("id", 1.234, 102, 128, 36, 100.0)
    text = "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\t"
    assert PlatformText().report(report, 0.0) == text + "Max Memory Used: 36 MB\tInit Duration: 100.00 ms\t\n"
    failed = Report("id", 1.0, 1, 128, 36, None, "error", "Runtime.ExitError")
    assert PlatformText().report(failed, 0.0).endswith("36 MB\tStatus: error\tError Type: Runtime.ExitError\n")


def test_json_report_is_a_platform_event() -> None:
    """The JSON log format writes the same figures as objects."""
    event = json.loads(PlatformJson("INFO").report(Report("id", 1.5, 2, 128, 36), 0.0))
    assert event["type"] == "platform.report"
    assert event["record"]["metrics"] == {
        "durationMs": 1.5,
        "billedDurationMs": 2,
        "memorySizeMB": 128,
        "maxMemoryUsedMB": 36,
    }
    assert event["record"]["status"] == "success"
