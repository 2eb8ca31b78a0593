"""`corpus create`: from cells to named corpora that can be compared, by rules, with everything left out on record.

The same rules on the same facts give the same corpora: no clock, no order of import and no order of rows in the store
enters, only keys, texts and seeds. What is written: the corpora and their members where they are new, a name for each
with its manifest, and one row for every wanted reply that was left out, with the rule that decided.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import polars as pl

from ..errors import ConfigError
from . import corpus_filters as filters
from . import corpus_select as select
from .cells import Cell, select_cells
from .corpora import Asked
from .corpus_arms import control_arms, plain_arm
from .corpus_rows import Selection
from .corpus_rules import Cells, Rules, checked_name
from .corpus_write import Made, write
from .store import Store

SQL = Path(__file__).parent / "sql"
Progress = Callable[[str], None]
CELL: dict[str, type[pl.DataType]] = {
    "cell_key": pl.String,
    "dataset": pl.String,
    "teacher": pl.String,
    "level": pl.Int32,
    "format": pl.String,
    "gold_visible": pl.String,
    "prompt_version": pl.String,
}


def create_corpora(
    store: Store,
    name: str,
    rules: Rules,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    among: Collection[str] | None = None,
    record: bool = True,
    asked: Asked | None = None,
) -> list[Made]:
    """Choose, record and name the corpora that `rules` make of the store: NAME, or NAME/arm where several are compared.

    A family that is there with the same rows is left as it is; with other rows it is an error unless `replace`, which
    gives the names to the new corpora (the old ones stay, by their hashes). `progress(stage)` is told what is at work.
    `among`: of the cells that match only those of these keys; `asked`: of their members only a part. Without `record`
    nothing is written: what would be.
    ConfigError: no such cells, a rule that cannot be applied, or nothing left, with the reasons.
    """
    checked_name(name)
    step = progress or (lambda stage: None)
    step("reading")
    cells = [c for c in compared_cells(store, rules.cells) if among is None or c.key in among]
    chosen = _candidates(store, cells, rules, asked or Asked())
    _something_left(chosen, name)
    if rules.exclude_faults:
        step("faults")
        filters.exclude_faults(store, chosen, rules.exclude_faults)
    if rules.decontaminate:
        step("decontamination")
        filters.decontaminate(store, chosen, rules.decontaminate)
    if rules.near_duplicates:
        step("near duplicates")
        filters.drop_near_duplicates(store, chosen, rules.near_duplicates)
    step("choosing")
    _something_left(chosen, name)
    empty = _empty_cells(chosen, cells, rules)
    arms = _choose(store, chosen, rules)
    _something_left(chosen, name)
    plain = [plain_arm(chosen.rows, arm, rules) for arm in arms]
    made = [arm for arm in plain if arm.rows.height]
    for control in rules.controls:
        step("controls")
        made += control_arms(store, chosen, plain, control)
    step("writing")
    return write(store, name, rules, cells, made, chosen.all_left_out(), empty=empty, replace=replace, record=record)


def _candidates(store: Store, cells: Sequence[Cell], rules: Rules, asked: Asked) -> Selection:
    """Every wanted reply of the cells; what the guard, its status or its verdict forbids is left out already."""
    with store.read() as con:
        cursor = con.sql(
            (SQL / "corpus_candidates.sql").read_text(),
            params={
                "cells": [c.key for c in cells],
                "reasoned": rules.rationale == "reasoning",
                "verdict": rules.verdict,
                **asked.params(),
            },
        )
        rows = cursor.pl()
    axes = pl.DataFrame([c.row() for c in cells], schema=CELL)
    joined = rows.join(axes, on="cell_key", how="left", maintain_order="left")
    chosen = Selection(joined.filter(pl.col("rule").is_null()).drop("rule", "detail"))
    chosen.drop(joined.filter(pl.col("rule").is_not_null()))
    return chosen


def _choose(store: Store, chosen: Selection, rules: Rules) -> list[str | None]:
    """Apply the rules that look at rows beside others; returns the arms."""

    def read(rationale_keys: Sequence[str]) -> dict[str, str]:
        unique = pl.Series("rationale_key", rationale_keys, dtype=pl.String).unique().sort()
        return dict(zip(unique, filters.texts(store, unique), strict=True))

    if rules.relevel:
        select.relevel(chosen, rules.relevel)
    arms = select.name_arms(chosen)
    if rules.chains:
        select.chains(chosen, rules.chains, read)
    if rules.common:
        select.common_block(chosen, arms)
    if rules.rows is not None:
        select.first_questions(chosen, rules.rows)
    select.split(chosen, rules.validation)
    if rules.mix:
        select.mix(chosen, rules.mix, disjoint=rules.common)
        chosen.into_one()
        return [None]
    if rules.equal:
        select.equalise(chosen, rules.equal, arms)
    return arms


def _empty_cells(chosen: Selection, cells: Sequence[Cell], rules: Rules) -> list[str]:
    """The labels of the compared cells of which no row is left. ConfigError: there is one, and a common block is wanted
    of the cells as they are."""
    left = set(chosen.rows["cell_key"])
    empty = [cell.label for cell in cells if cell.key not in left]
    if empty and rules.common and rules.relevel is None:
        raise ConfigError(
            f"no common block: of ({'), ('.join(empty)}) no row is left. Next: choose other cells, or looser rules"
        )
    return empty


def _something_left(chosen: Selection, name: str) -> None:
    if chosen.rows.height:
        return
    counts = chosen.all_left_out().group_by("rule").len().sort("len", "rule", descending=[True, False])
    reasons = ", ".join(f"{n:,} {rule}" for rule, n in counts.iter_rows()) or "the cells have no members"
    raise ConfigError(f"no row is left for corpus {name}: {reasons}. Next: loosen the rules, or cotdistill status")


def compared_cells(store: Store, wanted: Cells) -> list[Cell]:
    """The cells that the rules name. ConfigError as select_cells, and where `gold_visible` leaves none."""
    cells = select_cells(
        store, datasets=wanted.dataset, teachers=wanted.teacher, levels=wanted.level, formats=wanted.format
    )
    visible = [c for c in cells if wanted.gold_visible is None or c.recipe.gold_visible in wanted.gold_visible]
    if not visible:
        there = ", ".join(sorted({c.recipe.gold_visible for c in cells}))
        raise ConfigError(
            f"no cell with gold_visible {', '.join(wanted.gold_visible or ())}; those chosen have: {there}. "
            f"Next: cotdistill status --cells"
        )
    return visible
