"""cotdistill: chain-of-thought distillation around one DuckDB store.

The package's public names are loaded when first asked for, so that importing it stays cheap (docs/api.md).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what a type checker sees; nothing of ours is imported when this module is
    from cotdistill.errors import Error
    from cotdistill.study.api import Store, Study
    from cotdistill.study.design import Design
    from cotdistill.tasks.values import Question, Recipe, Verdict

__version__ = "0.1.0"

_PUBLIC = {
    "Store": "study.api",
    "Study": "study.api",
    "Design": "study.design",
    "Question": "tasks.values",
    "Verdict": "tasks.values",
    "Recipe": "tasks.values",
    "Error": "errors",
}
__all__ = ["Design", "Error", "Question", "Recipe", "Store", "Study", "Verdict", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"cotdistill.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'cotdistill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
