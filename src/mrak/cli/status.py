"""`mrak status`: what runs."""

from __future__ import annotations

import argparse

from mrak.cli.client import ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> None:
    del options
    status = ask("GET", "/_mrak/status")
    print(f"mrak {status['version']} is up at {status['endpoint']} (pid {status['pid']})")
    print(f"  up for        {status['uptime_seconds']:.0f} s")
    print(f"  data          {status['data'] or 'in memory; nothing is kept'}")
    print(f"  durability    {status['durability']}")
    print(f"  access        {status['access']}")
    print(f"  environments  {', '.join(status['environments'])}")
