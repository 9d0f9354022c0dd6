"""`eval "$(mrak use [ENVIRONMENT])"`: the exports with which unchanged AWS tools work."""

from __future__ import annotations

import argparse
import shlex

from mrak.cli.client import ask
from mrak.config import client_endpoint, read_settings
from mrak.core.scope import DEFAULT_ENVIRONMENT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("environment", nargs="?", default=DEFAULT_ENVIRONMENT, help="a sandbox (default: default)")


def run(options: argparse.Namespace) -> None:
    row = ask("GET", f"/_mrak/environments/{options.environment}")
    region = read_settings({}).region
    exports = {
        "AWS_ENDPOINT_URL": client_endpoint(),
        "AWS_ACCESS_KEY_ID": row["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": row["secret_access_key"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCOUNT_ID": row["account"],
        "MRAK_ENVIRONMENT": row["name"],
    }
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in exports.items()))
    # A session of other credentials would win over the keys above.
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    # Version 1 of the AWS command line ignores AWS_ENDPOINT_URL for SQS, unless the endpoint is an option.
    print('aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }')
