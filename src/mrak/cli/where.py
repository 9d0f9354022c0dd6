"""`mrak where SERVICE OPERATION`: the file and line of the handler."""

from __future__ import annotations

import argparse
import inspect
import os

from mrak.cli.main import CommandError
from mrak.core.operation import find_operation, operations_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", help="botocore's name of the service: sqs")
    parser.add_argument("operation", nargs="?", help="AWS's name of the operation: SendMessage; none lists all")


def run(options: argparse.Namespace) -> None:
    from mrak.protocol.model import load

    try:
        names = load(options.service).operation_names
    except KeyError:
        raise CommandError(f"AWS's models know no service {options.service}.") from None
    if options.operation is None:
        for operation in operations_of(options.service):
            print(f"{operation.name:<40} {_place(operation.handler)}")
        return
    if options.operation not in names:
        raise CommandError(f"{options.service} has no operation {options.operation}.")
    found = find_operation(options.service, options.operation)
    if found is None:
        raise CommandError(f"{options.service}:{options.operation} is not built; it answers 501.")
    print(_place(found.handler))


def _place(handler: object) -> str:
    code = inspect.unwrap(handler).__code__  # type: ignore[arg-type]
    return f"{os.path.relpath(code.co_filename)}:{code.co_firstlineno}"
