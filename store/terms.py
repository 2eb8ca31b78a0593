"""Whose terms of use stand over a teacher's rationales: which documents to read, never what they allow."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PEOPLE = {
    "gold": "the data set's own solutions: the licence of the questions covers them",
    "human": "human annotators: who collected them says under which terms",
}
UNKNOWN = "not known to cotdistill: find out who wrote them, and under which terms"
BUILTIN = "written by cotdistill's own teacher; nobody else's terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """One provider's terms by name and address."""

    who: str
    document: str
    address: str
    providers: tuple[str, ...]
    models: tuple[str, ...]


@cache
def known() -> tuple[Terms, ...]:
    """The table of terms.toml."""
    table = tomllib.loads((Path(__file__).parent / "terms.toml").read_text(encoding="utf-8"))["terms"]
    return tuple(Terms(t["who"], t["document"], t["address"], tuple(t["providers"]), tuple(t["models"])) for t in table)


def is_own(teacher: Mapping[str, Any]) -> bool:
    """Whether nobody's terms but those of the questions stand over what this teacher wrote."""
    return teacher["teacher"] == "gold" or teacher["providers"] == ["builtin"] or _is_builtin(teacher)


def terms_of(teacher: Mapping[str, Any]) -> str:
    """What to read before passing on what `teacher` (a row of sql/export_teachers.sql) wrote, as a table cell."""
    if teacher["teacher"] in PEOPLE:
        return PEOPLE[teacher["teacher"]]
    if teacher["providers"] == ["builtin"] or _is_builtin(teacher):
        return BUILTIN
    names = [str(n).rsplit("/", 1)[-1].lower() for n in (teacher["teacher"], *teacher["models"]) if n]
    found = [
        t
        for t in known()
        if any(name.startswith(start) for start in t.models for name in names)
        or any(provider in teacher["providers"] for provider in t.providers)
    ]
    return "; ".join(f"{t.who}: {t.document}, {t.address}" for t in found) or UNKNOWN


def _is_builtin(teacher: Mapping[str, Any]) -> bool:
    return not teacher["providers"] and str(teacher["teacher"]).startswith("builtin-")
