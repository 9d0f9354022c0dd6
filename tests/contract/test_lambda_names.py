"""Names under .localhost inside functions: a system's resolver often does not know them, and mrak hands them out."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from tests.contract.lambda_bench import call, create, make_zip

PYTHON = """
import json, urllib.request
def handler(event, context):
    with urllib.request.urlopen(event["url"], timeout=5) as answer:
        return answer.status
"""
NODE = """
import http from 'node:http';
import { lookup } from 'node:dns/promises';
import { promisify } from 'node:util';
import dns from 'node:dns';
export const handler = async (event) => {
  const fetched = (await fetch(event.url)).status;
  const got = await new Promise((resolve, reject) =>
    http.get(event.url, (answer) => resolve(answer.statusCode)).on('error', reject));
  const { address } = await promisify(dns.lookup)('one.localhost');
  return [fetched, got, typeof address, typeof (await dns.promises.lookup('Two.LOCALHOST')).address];
};
"""


@pytest.fixture
def url(sandbox: Any) -> str:
    return f"http://{sandbox.name}.localhost:{sandbox.server.port}/_mrak/status"


def test_python_functions_reach_names_under_localhost(sandbox: Any, url: str) -> None:
    """The URL of an API or of @connections works as it was handed out."""
    client = sandbox.client("lambda")
    create(client, "python", PYTHON)
    assert call(client, "python", {"url": url}) == 200


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js: apt-get install nodejs")
def test_node_functions_reach_names_under_localhost(sandbox: Any, url: str) -> None:
    """By fetch, by http, and for those who ask the resolver themselves."""
    client = sandbox.client("lambda")
    package = {"ZipFile": make_zip(index_mjs=NODE)}
    create(client, "node", Runtime="nodejs20.x", Handler="index.handler", Code=package, MemorySize=256, Timeout=10)
    assert call(client, "node", {"url": url}) == [200, 200, "string", "string"]
