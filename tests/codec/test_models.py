"""The model files are generated; a change by hand or a stale copy would be lost at the next import."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "import_models.py"


def test_models_equal_what_the_tool_writes() -> None:
    """`python tools/import_models.py` after a new botocore brings them up to date."""
    spec = importlib.util.spec_from_file_location("import_models", TOOL)
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.stale() == []
