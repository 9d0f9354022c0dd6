"""Write `src/mrak/models/*.json` from botocore's service models.

The models say everything about AWS's wire formats (operations, shapes, constraints, errors). botocore is a
development dependency only: importing it costs 0.2 s, so run time reads these stripped copies instead.
`tests/tidy` and `tests/codec` check that the files equal what this tool writes from the pinned botocore.

    python tools/import_models.py            write the files
    python tools/import_models.py --check    say which files differ, and exit 1 if any does
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

MODELS = Path(__file__).resolve().parent.parent / "src" / "mrak" / "models"

SERVICES = (
    "acm", "apigateway", "apigatewaymanagementapi", "apigatewayv2", "appconfig", "appconfigdata",
    "application-autoscaling", "budgets", "ce", "cloudformation", "cloudfront", "cloudfront-keyvaluestore",
    "cloudtrail", "cloudwatch", "cognito-identity", "cognito-idp", "dynamodb", "dynamodbstreams", "ecr",
    "eventbridgev2", "events", "firehose", "iam", "kinesis", "kms", "lambda", "logs", "pipes",
    "resourcegroupstaggingapi", "route53", "s3", "s3control", "scheduler", "schemas", "secretsmanager", "sns",
    "sqs", "ssm", "stepfunctions", "sts", "wafv2", "xray",
)  # fmt: skip

_METADATA = {
    "apiVersion", "awsQueryCompatible", "checksumFormat", "endpointPrefix", "globalEndpoint", "jsonVersion",
    "protocol", "protocols", "serviceAbbreviation", "serviceFullName", "serviceId", "signatureVersion",
    "signingName", "targetPrefix", "uid", "xmlNamespace",
}  # fmt: skip
_OPERATION = {
    "name", "http", "input", "output", "errors", "idempotent", "readonly", "endpoint", "auth", "authtype",
    "httpChecksum", "httpChecksumRequired", "unsignedPayload",
}  # fmt: skip
_SHAPE = {
    "type", "required", "payload", "exception", "error", "fault", "synthetic", "event", "eventstream", "xmlNamespace",
    "locationName", "union", "flattened", "min", "max", "pattern", "enum", "sensitive", "streaming", "document",
    "timestampFormat", "retryable", "xmlOrder", "box",
}  # fmt: skip
_MEMBER = {
    "shape", "location", "locationName", "flattened", "xmlNamespace", "xmlAttribute", "streaming", "eventpayload",
    "eventheader", "idempotencyToken", "hostLabel", "jsonvalue", "timestampFormat", "box", "queryName",
}  # fmt: skip


def _keep(source: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key in names}


def _strip_shape(shape: dict[str, Any]) -> dict[str, Any]:
    kept = _keep(shape, _SHAPE)
    if "members" in shape:
        kept["members"] = {name: _keep(member, _MEMBER) for name, member in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            kept[part] = _keep(shape[part], _MEMBER)
    return kept


def _strip_operation(operation: dict[str, Any]) -> dict[str, Any]:
    kept = _keep(operation, _OPERATION)
    for part in ("input", "output"):
        if part in kept:
            kept[part] = _keep(kept[part], {"shape", "locationName", "xmlNamespace", "resultWrapper"})
    if "errors" in kept:
        kept["errors"] = [error["shape"] for error in kept["errors"]]
    return kept


def strip_model(model: dict[str, Any]) -> dict[str, Any]:
    """The model without its prose: what a codec, a gateway or a coverage table needs."""
    return {
        "metadata": _keep(model["metadata"], _METADATA),
        "operations": {name: _strip_operation(op) for name, op in model["operations"].items()},
        "shapes": {name: _strip_shape(shape) for name, shape in model["shapes"].items()},
    }


def _botocore_data() -> Path:
    import botocore

    return Path(botocore.__file__).parent / "data"


def _read_latest(service: Path) -> dict[str, Any]:
    version = max(path for path in service.iterdir() if (path / "service-2.json.gz").exists())
    model: dict[str, Any] = json.loads(gzip.decompress((version / "service-2.json.gz").read_bytes()))
    return model


def _directory_row(metadata: dict[str, Any]) -> dict[str, Any]:
    """What it takes to recognise a request for the service: see `mrak.protocol.model.directory`."""
    row = {
        "protocols": metadata.get("protocols") or [metadata["protocol"]],
        "signingName": metadata.get("signingName") or metadata["endpointPrefix"],
        "endpointPrefix": metadata["endpointPrefix"],
        "serviceId": metadata["serviceId"],
    }
    if "targetPrefix" in metadata:
        row["targetPrefix"] = metadata["targetPrefix"]
    return row


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def generate() -> dict[str, bytes]:
    """File name -> content, for every file of the models directory."""
    files: dict[str, bytes] = {}
    rows: dict[str, Any] = {}
    for directory in sorted(path for path in _botocore_data().iterdir() if path.is_dir()):
        if not any(directory.glob("*/service-2.json.gz")):
            continue
        model = _read_latest(directory)
        rows[directory.name] = _directory_row(model["metadata"])
        if directory.name in SERVICES:
            files[f"{directory.name}.json"] = _dump(strip_model(model))
    files["_services.json"] = _dump(rows)
    return files


def stale() -> list[str]:
    """Names of files that are missing, superfluous or different from what botocore gives."""
    wanted = generate()
    present = {path.name: path.read_bytes() for path in MODELS.glob("*.json")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main() -> int:
    if "--check" in sys.argv[1:]:
        names = stale()
        print("\n".join(names) or "models are up to date")
        return 1 if names else 0
    for name, content in generate().items():
        (MODELS / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
