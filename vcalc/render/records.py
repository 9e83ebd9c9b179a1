"""Records as JSON: one line an entry, and one an item of a list of records, for diffs and for eyes."""

from __future__ import annotations

import json
from typing import Any


def json_text(record: Any) -> str:
    """A record, or a list of them, as JSON text."""
    if isinstance(record, dict):
        lines = (f"{_compact(key)}: {_value(value)}" for key, value in record.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"
    return _value(record) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
