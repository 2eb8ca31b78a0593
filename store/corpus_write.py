"""Writing corpora down: members, content hashes, names, manifests and what was left out, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import polars as pl

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.faults import FAULT_VERSION
from ..tasks.grading import RULE_VERSION
from ..tasks.realised import PARSER_VERSION
from ..tasks.reasoned import REASONED_VERSION
from ..tasks.render import question_text
from . import corpus_filters as filters
from .cells import Cell
from .copies import COPIES_VERSION
from .corpus_arms import Arm
from .corpus_rules import RULES_VERSION, Rules
from .decontaminate import DECONTAMINATION_VERSION
from .spool import utc_now
from .store import Store, as_json

MEMBER = (
    "corpus_hash", "position", "rationale_key", "question_key", "split", "completion", "realised_tokens",
    "donor_rationale_key", "cell_key", "level",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """One corpus of a family. `tokens`: realised_tokens of its training rows; `is_new`: it was not there before.
    `cell_key`: of the cell whose rationales it holds, or of a control was made of; None: of several."""

    name: str
    corpus_hash: str
    n_rows: int
    n_train: int
    n_validation: int
    n_questions: int
    tokens: int
    manifest: Mapping[str, Any]
    is_new: bool
    cell_key: str | None = None
    control: str | None = None

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many wanted replies were left out, by rule."""
        counts: Mapping[str, int] = self.manifest["left_out"]
        return counts


def write(
    store: Store,
    family: str,
    rules: Rules,
    cells: Sequence[Cell],
    arms: Sequence[Arm],
    left_out: pl.DataFrame,
    *,
    empty: Sequence[str] = (),
    replace: bool,
    record: bool = True,
) -> list[Made]:
    """Record `arms` as the corpora of `family`; `empty` are the compared cells without a row. Without `record` nothing
    is written.

    ConfigError: the family is there with other rows, and not `replace`.
    """
    hashes = [content_hash(store, arm) for arm in arms]
    names = [family if arm.name is None else f"{family}/{arm.name}" for arm in arms]
    family_key = keys.digest("corpus family", family, rules.hash, list(zip(names, hashes, strict=True)))
    there = _known(store, family)
    unchanged = {key for key, _, _ in there} == {family_key}
    if there and not unchanged and not replace:
        raise ConfigError(_other_rows(family, rules, there))
    shared = _shared(store, rules, cells) | {"empty_cells": list(empty)}
    made = []
    for arm, name, corpus_hash in zip(arms, names, hashes, strict=True):
        manifest = {"name": name, "corpus_hash": corpus_hash, **_of_arm(arm, left_out, alone=len(arms) == 1), **shared}
        counts = manifest["counts"]
        made.append(
            Made(
                name,
                corpus_hash,
                arm.rows.height,
                counts["train"]["rows"],
                counts.get("validation", {}).get("rows", 0),
                counts["questions"],
                counts["train"]["realised_tokens"],
                manifest,
                not unchanged,
                arm.cell_key or arm.source[1],
                arm.control,
            )
        )
    if unchanged or not record:
        return made
    now = utc_now()
    with store.write() as con:
        for arm, one in zip(arms, made, strict=True):
            row = {"corpus_hash": one.corpus_hash, "name": one.name, "cell_key": arm.cell_key, "n_rows": one.n_rows}
            if store.insert(con, "corpus", [row | {"manifest": as_json(one.manifest), "created_at": now}]):
                store.insert_frame(con, "corpus_member", _members(arm, one.corpus_hash, relevelled=bool(rules.relevel)))
        store.insert_frame(con, "corpus_left_out", left_out.with_columns(family_key=pl.lit(family_key)))
        store.insert(
            con,
            "corpus_name",
            [_name_row(*pair, family, family_key, rules, now) for pair in zip(arms, made, strict=True)],
        )
    return made


def content_hash(store: Store, arm: Arm) -> str:
    """The corpus's identity (keys.corpus_hash): prompt, completion and split of every row, in order."""
    rows = arm.rows
    asked = filters.questions(store, rows["question_key"])
    prompts = {key: question_text(question) for key, question in asked.items()}
    texts = filters.texts(store, rows["rationale_key"])
    columns = zip(rows["question_key"], rows["completion"], rows["split"], texts, strict=True)
    return keys.corpus_hash((prompts[key], own if said is None else said, split) for key, said, split, own in columns)


def _members(arm: Arm, corpus_hash: str, *, relevelled: bool) -> pl.DataFrame:
    level = pl.col("level") if relevelled else pl.lit(None, pl.Int32).alias("level")
    return arm.rows.with_row_index("position").select(
        pl.lit(corpus_hash).alias("corpus_hash"),
        pl.col("position").cast(pl.Int32),
        "rationale_key", "question_key", "split", "completion",
        pl.col("altered_tokens").alias("realised_tokens"),
        "donor_rationale_key", "cell_key", level,
    ).select(MEMBER)  # fmt: skip


def _name_row(arm: Arm, made: Made, family: str, family_key: str, rules: Rules, now: str) -> dict[str, Any]:
    axes = {axis: arm.axis(axis) for axis in ("dataset", "teacher", "level", "format", "gold_visible")}
    return axes | {
        "name_key": keys.digest("corpus name", made.name, family_key, now),
        "name": made.name,
        "family": family,
        "family_key": family_key,
        "arm": arm.name,
        "corpus_hash": made.corpus_hash,
        "rules_hash": rules.hash,
        "manifest": as_json(made.manifest),
        "control": arm.control,
        "created_at": now,
    }


def _of_arm(arm: Arm, left_out: pl.DataFrame, *, alone: bool) -> dict[str, Any]:
    base, base_cell = arm.source
    mine = left_out.filter(pl.col("arm").is_in(["", arm.name or "", base or ""]))
    cell = arm.cell_key or base_cell
    if cell and not alone:  # what was left out before there were arms counts where its cell is
        mine = mine.filter(pl.col("cell_key") == cell)
    reasons = dict(mine.group_by("rule").len().sort("rule").iter_rows())
    tokens = pl.coalesce("altered_tokens", "realised_tokens")
    by_split = (
        arm.rows.group_by("split")
        .agg(
            rows=pl.len(),
            questions=pl.col("question_key").n_unique(),
            realised_tokens=tokens.sum(),
            completion_tokens=pl.when(pl.col("completion_tokens").null_count() == 0).then(
                pl.col("completion_tokens").sum()
            ),
        )
        .sort("split")
    )
    counts: dict[str, Any] = {"rows": arm.rows.height, "questions": arm.rows["question_key"].n_unique()}
    empty = {"rows": 0, "questions": 0, "realised_tokens": 0, "completion_tokens": 0}
    counts["train"] = empty
    for row in by_split.iter_rows(named=True):
        counts[row.pop("split")] = row
    if "part" in arm.rows.columns:
        counts["parts"] = dict(arm.rows.group_by("part").len().sort("part").iter_rows())
    questions = arm.rows["question_key"].unique().sort().to_list()
    return {
        "counts": counts,
        "left_out": reasons,
        "control": {"kind": arm.control, **arm.notes} if arm.control else None,
        "questions_hash": keys.digest("questions", questions),
        "n_questions": len(questions),
    }


def _shared(store: Store, rules: Rules, cells: Sequence[Cell]) -> dict[str, Any]:
    """What all corpora of a family have in common. `rule` is what analyses compare like with like by."""
    held_out, _ = filters.held_out(store)
    return {
        "rule": f"{rules.verdict}, rules {rules.hash[:12]}",
        "rationale": rules.rationale,
        "rules": rules.resolved(),
        "rules_hash": rules.hash,
        "cells": [cell.row() for cell in cells],
        "held_out": {"questions": len(held_out), "hash": keys.digest("questions", held_out)},
        "parser_version": REASONED_VERSION if rules.rationale == "reasoning" else PARSER_VERSION,
        "rule_version": RULE_VERSION,
        "versions": {
            "corpus_rules": RULES_VERSION,
            "decontamination": DECONTAMINATION_VERSION if rules.decontaminate else None,
            "near_duplicates": f"rensa {metadata.version('rensa')}" if rules.near_duplicates else None,
            "faults": FAULT_VERSION if rules.exclude_faults else None,
            "copies": COPIES_VERSION if rules.exclude_faults else None,
        },
    }


def _known(store: Store, family: str) -> list[tuple[str, str, str]]:
    with store.read() as con:
        return con.execute(
            "SELECT family_key, name, rules_hash FROM corpus_name_now WHERE family = ? ORDER BY name", [family]
        ).fetchall()


def _other_rows(family: str, rules: Rules, there: Sequence[tuple[str, str, str]]) -> str:
    same_rules = all(rules_hash == rules.hash for _, _, rules_hash in there)
    why = "the same rules choose other rows now: the store has changed" if same_rules else "it was made by other rules"
    return (
        f"there is a corpus {family} already ({', '.join(name for _, name, _ in there[:6])}), and {why}. "
        f"Next: the same command with --replace (the old one stays, by its hash), or another name"
    )
