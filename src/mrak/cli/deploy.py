"""`mrak deploy FOLDER`: a SAM or CloudFormation template with its code, without any other tool.

It packs the folders that the template names (a function's CodeUri, a layer's ContentUri), uploads them to a bucket of
the sandbox, applies the template as a change set, shows the stack's events as they come, and its outputs at the end.

With `--hot-reload` the folders of functions are not packed: they run where they are, and a file that changes answers
the next call.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from mrak.cli.client import ask
from mrak.cli.main import CommandError
from mrak.config import client_endpoint, client_environment, read_settings
from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.parsing import parse_template

_TEMPLATES = ("template.yaml", "template.yml", "template.json", "sam.yaml")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_IGNORED = {".git", "__pycache__", ".aws-sam", ".venv", ".mypy_cache", ".pytest_cache"}
_ASK_SECONDS = 0.1
# The code location that Lambda runs as it is (docs/compat/lambda.md).
_HOT_RELOAD_BUCKET = "hot-reload"

# type -> the properties whose value may be a path beside the template.
_PATHS = {
    "AWS::Serverless::Function": ("CodeUri",),
    "AWS::Serverless::LayerVersion": ("ContentUri",),
    "AWS::Serverless::Api": ("DefinitionUri",),
    "AWS::Serverless::HttpApi": ("DefinitionUri",),
    "AWS::Serverless::StateMachine": ("DefinitionUri",),
    "AWS::Lambda::Function": ("Code",),
    "AWS::Lambda::LayerVersion": ("Content",),
    "AWS::CloudFormation::Stack": ("TemplateURL",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", default=".", help="a template, or the folder with one")
    parser.add_argument("--stack", default="", help="the stack's name (default: the folder's)")
    parser.add_argument("--environment", default=client_environment(), help="a sandbox")
    parser.add_argument(
        "--hot-reload",
        action="store_true",
        help="run functions from their folders: a changed file answers the next call",
    )
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="for the template")


def run(options: argparse.Namespace) -> None:
    template_path = _find_template(Path(options.path))
    name = options.stack or "".join(c if c.isalnum() else "-" for c in template_path.resolve().parent.name).strip("-")
    clients = _Clients(ask("GET", f"/_mrak/environments/{options.environment}"), options.hot_reload)
    try:
        template = parse_template(template_path.read_text())
    except TemplateError as error:
        raise CommandError(error.message) from None
    _upload_code(clients, template, template_path.parent)
    body = clients.upload(json.dumps(template).encode(), "template")
    _apply(clients, name, body, dict(item.partition("=")[::2] for item in options.parameter))


def _find_template(path: Path) -> Path:
    if path.is_file():
        return path
    for name in _TEMPLATES:
        if (path / name).is_file():
            return path / name
    raise CommandError(f"{path} has no template ({', '.join(_TEMPLATES)}).")


class _Clients:
    """SDK clients of a sandbox, and its bucket for what is uploaded."""

    def __init__(self, row: dict[str, Any], hot_reload: bool) -> None:
        import boto3

        self.hot_reload = hot_reload

        self._session = boto3.Session(row["access_key_id"], row["secret_access_key"])
        self._region = read_settings({}).region
        self.bucket = f"mrak-deploy-{row['account']}-{self._region}"
        self.cloudformation = self._client("cloudformation")
        self._s3 = self._client("s3")
        self._has_bucket = False

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=client_endpoint(), region_name=self._region)

    def upload(self, content: bytes, suffix: str) -> tuple[str, str]:
        """(bucket, key) of content, which names itself: the same content has the same key."""
        if not self._has_bucket:
            where = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
            options = {"CreateBucketConfiguration": where} if where else {}
            owned = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
            if self.bucket not in owned:
                self._s3.create_bucket(Bucket=self.bucket, **options)
            self._has_bucket = True
        key = f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return self.bucket, key


def _upload_code(clients: _Clients, template: dict[str, Any], folder: Path) -> None:
    """Replaces local paths by places in the bucket."""
    defaults = template.get("Globals", {}).get("Function", {})
    if isinstance(defaults.get("CodeUri"), str) and (folder / defaults["CodeUri"]).exists():
        defaults["CodeUri"] = _place(clients, folder / defaults["CodeUri"], "CodeUri")
    for item in template.get("Resources", {}).values():
        properties = item.get("Properties", {}) if isinstance(item, dict) else {}
        for name in _PATHS.get(item.get("Type", ""), ()) if isinstance(properties, dict) else ():
            value = properties.get(name)
            if isinstance(value, str) and "://" not in value and (folder / value).exists():
                properties[name] = _place(clients, folder / value, name)


def _place(clients: _Clients, path: Path, name: str) -> Any:
    """A file or folder, uploaded, in the form that the property takes."""
    if clients.hot_reload and name in ("CodeUri", "Code") and path.is_dir():
        bucket, key = _HOT_RELOAD_BUCKET, str(path.resolve())
        return {"Bucket": bucket, "Key": key} if name == "CodeUri" else {"S3Bucket": bucket, "S3Key": key}
    packed = name in ("CodeUri", "ContentUri", "Code", "Content")
    content = _pack(path) if packed and path.suffix not in (".zip", ".jar") else path.read_bytes()
    bucket, key = clients.upload(content, "zip" if packed else path.suffix.lstrip(".") or "file")
    if name in ("Code", "Content"):
        return {"S3Bucket": bucket, "S3Key": key}
    if name == "TemplateURL":
        return f"{client_endpoint()}/{bucket}/{key}"
    return {"Bucket": bucket, "Key": key}


def _pack(path: Path) -> bytes:
    """A folder (or one file) as a package; the same files give the same bytes."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    base = path.parent if path.is_file() else path
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            relative = file.relative_to(base)
            if _IGNORED & set(relative.parts):
                continue
            entry = zipfile.ZipInfo(relative.as_posix(), (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if file.stat().st_mode & 0o100 else 0o644) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _apply(clients: _Clients, name: str, body: tuple[str, str], parameters: dict[str, str]) -> None:
    """A change set that creates or updates the stack, executed and followed to its end."""
    from botocore.exceptions import ClientError

    cfn = clients.cloudformation
    before = _find_stack(cfn, name)
    creating = before is None or before["StackStatus"] == "REVIEW_IN_PROGRESS"
    request = {
        "StackName": name,
        "ChangeSetName": f"mrak-{time.time_ns()}",
        "ChangeSetType": "CREATE" if creating else "UPDATE",
        "TemplateURL": f"{client_endpoint()}/{body[0]}/{body[1]}",
        "Capabilities": _CAPABILITIES,
        "Parameters": _parameters(before, parameters),
    }
    try:
        made = cfn.create_change_set(**request)
        shown = cfn.describe_change_set(ChangeSetName=made["Id"])
        if shown["Status"] == "FAILED":
            cfn.delete_change_set(ChangeSetName=made["Id"])
            print(f"{name}: nothing to change")
        else:
            since = _last_event(cfn, made["StackId"])
            cfn.execute_change_set(ChangeSetName=made["Id"])
            _follow(cfn, made["StackId"], since)
    except ClientError as error:
        raise CommandError(error.response["Error"]["Message"]) from None
    _print_outputs(_find_stack(cfn, name))


def _find_stack(cfn: Any, name: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        stack: dict[str, Any] = cfn.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return stack


def _parameters(before: dict[str, Any] | None, given: dict[str, str]) -> list[dict[str, Any]]:
    """What was given now, and of an existing stack what it had."""
    shown: list[dict[str, Any]] = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    for parameter in (before or {}).get("Parameters", []):
        if parameter["ParameterKey"] not in given:
            shown.append({"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True})
    return shown


def _last_event(cfn: Any, stack_id: str) -> str:
    events = cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    return str(events[0]["EventId"]) if events else ""


def _follow(cfn: Any, stack_id: str, since: str) -> None:
    """Prints events until the stack has come to an end; fails where that is not a good one."""
    while True:
        status = cfn.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        fresh = []
        for event in cfn.describe_stack_events(StackName=stack_id)["StackEvents"]:
            if event["EventId"] == since:
                break
            fresh.append(event)
        for event in reversed(fresh):
            reason = event.get("ResourceStatusReason", "")
            print(f"{event['ResourceStatus']:<36} {event['LogicalResourceId']:<36} {reason}")
            since = event["EventId"]
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(_ASK_SECONDS)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CommandError(f"The stack is {status}.")


def _print_outputs(stack: dict[str, Any] | None) -> None:
    for output in (stack or {}).get("Outputs", []):
        print(f"{output['OutputKey']} = {output['OutputValue']}")
