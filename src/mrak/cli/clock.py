"""`mrak clock [advance 30d] [--env NAME]`: a sandbox's clock only ever moves forward."""

from __future__ import annotations

import argparse
import re
import time

from mrak.cli.client import ask
from mrak.cli.main import CommandError
from mrak.config import client_environment

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    environment = client_environment()
    parser.add_argument("--env", default=environment, help=f"the sandbox (default: {environment})")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("show", help="what time it is there")
    advance = verbs.add_parser("advance", help="move it forward: timers, time-outs and expiries follow")
    advance.add_argument("duration", help="for instance 90s, 15m, 12h, 30d")


def run(options: argparse.Namespace) -> None:
    seconds = parse_duration_seconds(options.duration) if options.verb == "advance" else 0
    now = ask("POST", f"/_mrak/environments/{options.env}/clock", {"advance_seconds": seconds})["now"]
    print(f"{options.env}: {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(now))}")


def parse_duration_seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text)
    if match is None:
        raise CommandError(f"{text!r} is no duration. Write a number and s, m, h, d or w: 30d")
    return int(match[1]) * _UNITS[match[2]]
