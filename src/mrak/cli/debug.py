"""`mrak debug FUNCTION`: its next invocation waits for a debugger; `--off` lets it run as ever."""

from __future__ import annotations

import argparse

from mrak.cli.client import ask
from mrak.config import client_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    environment = client_environment()
    parser.add_argument("function", metavar="FUNCTION", help="its name or ARN")
    parser.add_argument("--port", type=int, default=0, help="where the debugger finds it (default: 5678, Node.js 9229)")
    parser.add_argument("--off", action="store_true", help="run it without a debugger again")
    parser.add_argument("--region", default="us-east-1", help="the function's region (default: us-east-1)")
    parser.add_argument("--env", default=environment, help=f"the sandbox (default: {environment})")


def run(options: argparse.Namespace) -> None:
    wanted = {
        "environment": options.env,
        "function": options.function,
        "region": options.region,
        "port": options.port,
        "off": options.off,
    }
    answer = ask("POST", "/_mrak/debug", wanted)
    name, port = answer["function"], answer["port"]
    if options.off:
        print(f"{name} runs without a debugger again.")
        return
    how = "debugpy (VS Code: Python Debugger, attach)"
    if answer["runtime"].startswith("nodejs"):
        how = "the Node.js inspector (VS Code: Node.js attach; chrome://inspect)"
    print(f"{name} waits for {how} at 127.0.0.1:{port} when it is invoked next; its time-outs are suspended.")
    print(f"To end this: mrak debug {name} --off")
