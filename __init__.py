"""cotdistill: chain-of-thought distillation around one DuckDB store.

The package's public names are loaded when first asked for, so that importing it stays cheap.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Question": "tasks.values",
    "Verdict": "tasks.values",
    "Recipe": "tasks.values",
    "Store": "study.api",
    "Study": "study.api",
    "Error": "errors",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"cotdistill.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'cotdistill' has no attribute {name!r}")
