"""Texts of JSON documents from outside.

JSON can spell half a surrogate pair (`"\\ud800"`), and Python reads it. It has no UTF-8: it can be neither stored nor
passed on, and equals no text that can.
"""

from __future__ import annotations

import json
from typing import Any


def check_texts(document: Any) -> None:
    """Raises UnicodeEncodeError, which is a ValueError as those of the reader are, where there is such a half."""
    json.dumps(document, ensure_ascii=False).encode()
