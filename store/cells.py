"""Cells: one (data set, teacher, recipe) each, how they are named and how they are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.values import GoldVisible, Recipe
from .store import Store

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Cell:
    """One (data set, teacher, recipe) of the design."""

    dataset: str
    teacher: str
    recipe: Recipe

    @property
    def key(self) -> str:
        """Identity (keys.cell_key)."""
        r = self.recipe
        return keys.cell_key(self.dataset, self.teacher, r.level, r.format, r.gold_visible, r.prompt_version)

    @property
    def label(self) -> str:
        """For people: `svamp, gpt-4o, level 5, original`."""
        return ", ".join([self.dataset, self.teacher, *self._recipe_words()])

    @property
    def recipe_label(self) -> str:
        """The recipe alone: `level 5, original`."""
        return ", ".join(self._recipe_words())

    @property
    def slug(self) -> str:
        """For file names: `svamp_gpt-4o_level-5_original`; unique among cells that differ in what it shows."""
        return "_".join([self.dataset, self.teacher, *self._recipe_words()]).replace(" ", "-").replace("/", "-")

    def _recipe_words(self) -> list[str]:
        r = self.recipe
        words = [f"level {r.level}"] if r.level is not None else []
        words.append(r.format or "format unknown")
        if r.gold_visible == "yes":
            words.append("gold shown")
        elif r.gold_visible == "no" and r.prompt_version.startswith("import"):
            words.append("gold hidden")
        if "+" in r.prompt_version:  # a user's own levels or formats: the level's number alone would mislead
            words.append(f"prompts {r.prompt_version}")
        return words

    def row(self) -> dict[str, object]:
        """As a row of the table `cell`."""
        r = self.recipe
        return {
            "cell_key": self.key,
            "dataset": self.dataset,
            "teacher": self.teacher,
            "level": r.level,
            "format": r.format,
            "gold_visible": r.gold_visible,
            "prompt_version": r.prompt_version,
        }


def select_cells(
    store: Store,
    *,
    datasets: Sequence[str] | None = None,
    teachers: Sequence[str] | None = None,
    levels: Sequence[int] | None = None,
    formats: Sequence[str] | None = None,
) -> list[Cell]:
    """The cells of the store that match every given list (None: any), that hold at least one reply, in reading order.

    A cell without a level (answer-only) is kept by `levels` only where `formats` names its format.
    ConfigError when the store has cells but none matches, naming what there is.
    """
    with store.read() as con:
        rows = con.execute((SQL / "cells.sql").read_text()).fetchall()
    cells = [Cell(d, t, Recipe(level, fmt, _visible(gold), version)) for d, t, level, fmt, gold, version in rows]
    chosen = [
        c
        for c in cells
        if (datasets is None or c.dataset in datasets)
        and (teachers is None or c.teacher in teachers)
        and (formats is None or c.recipe.format in formats)
        and (
            levels is None
            or c.recipe.level in levels
            or (c.recipe.level is None and formats is not None and c.recipe.format in formats)
        )
    ]
    if not cells:
        raise ConfigError(f"{store.path} holds no rationales yet. Next: cotdistill generate, or cotdistill import")
    if not chosen:
        asked = [
            f"--{name} {','.join(str(v) for v in values)}"
            for name, values in (("dataset", datasets), ("teacher", teachers), ("level", levels), ("format", formats))
            if values is not None
        ]
        have = sorted({(c.dataset, c.teacher) for c in cells})
        shown = "; ".join(f"{d} by {t}" for d, t in have[:8]) + (" ..." if len(have) > 8 else "")
        raise ConfigError(
            f"no cell of {store.path} matches {' '.join(asked)}. It has: {shown}. Next: cotdistill status"
        )
    return chosen


def _visible(value: str) -> GoldVisible:
    return value if value in ("yes", "no") else "unknown"  # type: ignore[return-value]
