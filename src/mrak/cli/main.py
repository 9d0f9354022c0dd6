"""The command line: one module for each command, imported when it is called.

argparse, since start-up is part of the product and `mrak up` has to be ready in a quarter of a second.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "up": "start the cloud",
    "use": "print the exports with which AWS tools talk to it",
    "env": "create, list and delete sandboxes",
    "deploy": "deploy a folder with a SAM or CloudFormation template",
    "clock": "show or advance a sandbox's clock",
    "bill": "what a sandbox used, and what it would cost on AWS",
    "debug": "run a function under a debugger",
    "status": "what runs",
    "doctor": "what is installed here, what is missing and how to get it",
    "where": "the file and line that handle an operation",
}


class CommandError(Exception):
    """The command can't go on; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; exits with 0, 1 (it failed; the message says why) or 2 (it was called wrongly)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--version"]:
        from mrak.gateway.admin import VERSION

        print(f"mrak {VERSION}")
        return
    if not words or words[0] not in COMMANDS:
        _usage()
        sys.exit(0 if words[:1] in (["--help"], ["-h"]) else 2)
    command = import_module(f"mrak.cli.{words[0]}")
    parser = argparse.ArgumentParser(prog=f"mrak {words[0]}", description=COMMANDS[words[0]])
    command.add_arguments(parser)
    try:
        command.run(parser.parse_args(words[1:]))
    except CommandError as error:
        print(f"mrak {words[0]}: {error}", file=sys.stderr)
        sys.exit(1)


def _usage() -> None:
    print("usage: mrak COMMAND [options]\n")
    for name, text in COMMANDS.items():
        print(f"  {name:<8} {text}")
    print("\nmrak COMMAND --help shows a command's options.")
