"""`mrak env create|list|delete|account NAME`: sandboxes and their accounts."""

from __future__ import annotations

import argparse
import time

from mrak.cli.client import ask
from mrak.config import client_endpoint
from mrak.core.scope import DEFAULT_ENVIRONMENT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="all sandboxes with their accounts and keys")
    create = verbs.add_parser("create", help="a new, empty sandbox with an account and keys of its own")
    create.add_argument("name")
    delete = verbs.add_parser("delete", help="drop a sandbox and everything in it")
    delete.add_argument("name")
    account = verbs.add_parser("account", help="one more account in a sandbox, with a key of its own")
    account.add_argument("name", nargs="?", default=DEFAULT_ENVIRONMENT, help="a sandbox (default: default)")


def run(options: argparse.Namespace) -> None:
    if options.verb == "list":
        _list()
    elif options.verb == "create":
        row = ask("POST", "/_mrak/environments", {"name": options.name})
        print(f"environment {row['name']}, account {row['account']}")
        print(f"  host    {client_endpoint().replace('://localhost', '://' + row['name'] + '.localhost')}")
        print(f'  use it  eval "$(mrak use {row["name"]})"')
    elif options.verb == "account":
        row = ask("POST", f"/_mrak/environments/{options.name}/accounts")
        print(f"account {row['account']} in environment {row['name']}")
        print(f"  access key  {row['access_key_id']}")
        print(f"  secret key  {row['secret_access_key']}")
    else:
        ask("DELETE", f"/_mrak/environments/{options.name}")
        print(f"environment {options.name} and everything in it is gone")


def _list() -> None:
    rows = ask("GET", "/_mrak/environments")["environments"]
    print(f"{'NAME':<20} {'ACCOUNT':<14} {'ACCESS KEY':<22} CREATED")
    for row in rows:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created_at"]))
        print(f"{row['name']:<20} {row['account']:<14} {row['access_key_id']:<22} {created}")
