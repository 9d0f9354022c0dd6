"""`mrak bill [ENVIRONMENT] [--by service|context|operation|trace]`: what was used, and what it would cost on AWS."""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from mrak.cli.client import ask
from mrak.config import client_environment

# What a bill may be by that spans services: it has sums of its own.
_WHOLE = ("context", "trace")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environment", nargs="?", default=client_environment(), help="a sandbox")
    parser.add_argument("--by", choices=("service", "context", "operation", "trace"), default="service")
    parser.add_argument("--region", default="us-east-1", help="whose prices: us-east-1 or eu-central-1")
    parser.add_argument("--month", default="", help="2026-11; the sandbox's present month where none is named")
    parser.add_argument("--trace", default="", help="one trace alone: 1-...")
    parser.add_argument("--free-tier", action="store_true", help="with AWS's always-free tier")


def run(options: argparse.Namespace) -> None:
    asked = {"environment": options.environment, "by": options.by, "region": options.region}
    asked |= {name: value for name, value in (("month", options.month), ("trace", options.trace)) if value}
    if options.free_tier:
        asked["free_tier"] = "1"
    bill = ask("GET", f"/_mrak/bill?{urlencode(asked)}")
    print(f"{options.environment}: prices of {bill['region']}, dated {bill['dated']}, in USD")
    for name, lines in groupby(bill["lines"], key=lambda line: line["name"]):
        _print_group(name, list(lines), options.by in _WHOLE)
    print(f"  {'total':<84} {bill['total_usd']:>14.9f}")
    if bill["unpriced"]:
        print(f"no price is known for: {', '.join(bill['unpriced'])}")


def _print_group(name: str, lines: list[dict[str, Any]], is_whole: bool) -> None:
    """The lines of one name; where it spans services, its sum first, and each line says its service."""
    if is_whole:
        print(f"  {name:<84} {sum(line['usd'] for line in lines):>14.9f}")
    for line in lines:
        shown = f"    {line['service']}" if is_whole else name
        print(f"  {shown:<44} {line['unit']:<24} {line['amount']:>14,.3f} {line['usd']:>14.9f}")
