"""Answers as plain values, for JSON."""

from typing import Any

from .answers import Answer


def plain(answer: Answer) -> dict[str, Any]:
    """Everything an answer holds: name, title, notes, and its detail rows; times as ISO strings, shares between 0 and
    1."""
    return {
        "name": answer.name,
        "title": answer.title,
        "notes": list(answer.notes),
        "rows": [{key: _value(value) for key, value in row.items()} for row in answer.detail],
    }


def _value(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
