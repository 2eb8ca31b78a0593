"""An arm: the rows of one corpus to be, with what they say where that is not the rationale's own text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ..errors import ConfigError
from ..tasks.grading import grade_many
from ..tasks.realised import count_tokens
from ..tasks.values import Question
from . import corpus_controls as controls
from . import corpus_filters as filters
from .corpus_rows import ORDER, Selection
from .corpus_rules import Control, Rules
from .store import Store

MAIN = "rationales"  # what the only compared corpus of a family is called beside its controls
_ALTERED = {"completion": pl.String, "altered_tokens": pl.Int32, "donor_rationale_key": pl.String}


@dataclass(frozen=True, slots=True)
class Arm:
    """`rows` are in the order of a corpus and have beside a Selection's columns completion, altered_tokens and
    donor_rationale_key (NULL: the rationale as it is). `cell_key`: of a whole corpus of one cell's own rationales.
    `source`: of a control, the arm and the cell it is made of."""

    name: str | None
    rows: pl.DataFrame
    control: str | None = None
    cell_key: str | None = None
    source: tuple[str | None, str | None] = (None, None)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def axis(self, name: str) -> Any:
        """The value of a cell's column that all rows share; None where they differ, or a control took it away."""
        if name == "format" and self.control == "answer-only":
            return "answer-only"
        if self.control is not None and name in ("level", "format"):
            return None
        values = self.rows[name].unique()
        return values[0] if len(values) == 1 else None


def plain_arm(rows: pl.DataFrame, name: str | None, rules: Rules) -> Arm:
    """The chosen rows of one arm, as they are."""
    mine = rows.filter(pl.col("arm").eq_missing(pl.lit(name, pl.String))).sort(*ORDER)
    mine = mine.with_columns(pl.lit(None, kind).alias(column) for column, kind in _ALTERED.items())
    one_cell = mine["cell_key"].n_unique() == 1 and rules.relevel is None
    shown = MAIN if name is None and rules.controls else name
    return Arm(shown, mine, cell_key=mine["cell_key"][0] if one_cell else None)


def control_arms(store: Store, chosen: Selection, arms: Sequence[Arm], control: Control) -> list[Arm]:
    """The control arms that one rule makes of the compared arms. ConfigError: no arm of its level, or nothing left."""
    made = [_control(store, chosen, arm, arms, control) for arm in _bases(arms, control)]
    if not made or any(arm.rows.is_empty() for arm in made):
        raise ConfigError(f"control {control.kind}: no row is left for it. Next: choose another level with `of`")
    return made


def _bases(arms: Sequence[Arm], control: Control) -> list[Arm]:
    levels = [(arm, arm.rows["level"].min()) for arm in arms]
    if control.of is not None:
        found = [arm for arm, level in levels if level == control.of]
        if not found:
            there = sorted({str(level) for _, level in levels if level is not None})
            raise ConfigError(
                f"control {control.kind} of level {control.of}: the compared have {', '.join(there) or 'none'}. "
                f"Next: name one of them"
            )
        return found
    if control.kind != "answer-only":
        return list(arms)
    coarsest: dict[tuple[Any, ...], Arm] = {}
    for arm in arms:  # arms are ordered by level within a series
        series = tuple(arm.rows[axis].min() for axis in ("dataset", "teacher", "format", "gold_visible"))
        coarsest.setdefault(series, arm)
    return list(coarsest.values())


def _control(store: Store, chosen: Selection, base: Arm, arms: Sequence[Arm], control: Control) -> Arm:
    rows, notes = base.rows, {"of": base.name, "seed": control.seed}
    suffix: str = control.kind
    if control.kind == "shuffled":
        rows = controls.donors(rows.drop("donor_rationale_key"), control.seed)
    elif control.kind == "padded":
        longer = _longer(arms, base, control)
        rows, suffix = controls.target_lengths(rows, longer.rows), f"padded-to-{control.to}"
        notes["to"] = longer.name
    asked = filters.questions(store, rows["question_key"])
    said = list(_completions(store, rows, control, asked))
    rows = rows.with_columns(completion=pl.Series([text for text, _ in said], dtype=pl.String)).with_columns(
        rule=pl.Series([why for _, why in said], dtype=pl.String)
    )
    name = suffix if base.name in (None, MAIN) else f"{base.name}-{suffix}"
    lost = rows.filter(pl.col("rule").is_not_null()).with_columns(arm=pl.lit(name))
    chosen.drop(lost)
    rows = rows.filter(pl.col("rule").is_null())
    altered = [None if text is None else count_tokens(text) for text in rows["completion"]]
    rows = rows.with_columns(altered_tokens=pl.Series(altered, dtype=pl.Int32))
    notes["unchanged"] = rows["completion"].null_count()
    return Arm(name, rows.select(base.rows.columns), control.kind, source=(base.name, base.cell_key), notes=notes)


def _longer(arms: Sequence[Arm], base: Arm, control: Control) -> Arm:
    """The arm of level `to` in the base's series."""
    for arm in arms:
        same = all(arm.axis(a) == base.axis(a) for a in ("dataset", "teacher", "format", "gold_visible"))
        if same and arm.axis("level") == control.to:
            return arm
    raise ConfigError(
        f"control padded of level {control.of}: no compared corpus of level {control.to} beside it. "
        f"Next: --level {control.of},{control.to}"
    )


def _completions(
    store: Store, rows: pl.DataFrame, control: Control, asked: Mapping[str, Question]
) -> Iterator[tuple[str | None, str | None]]:
    """(what the row says, None: the rationale as it is; the rule that leaves it out, None: it stays) of every row.

    A changed text must announce what the rationale announced, by the same grader, or the row is left out.
    """
    drafts: list[tuple[str | None, str | None]] = []
    own_texts = filters.texts(store, rows["rationale_key"])
    donors = filters.texts(store, rows["donor_rationale_key"].fill_null("")) if control.kind == "shuffled" else None
    seeds = controls.filler_seed(control.seed, rows["question_key"].to_list())
    for row, own, seed in zip(rows.iter_rows(named=True), own_texts, seeds, strict=True):
        answer = asked[row["question_key"]].gold if row["verdict"] == "correct" else row["answer"]
        if control.kind == "answer-only":
            said = controls.answer_only(answer)
            drafts.append((said, "without a final answer" if said is None else None))
        elif control.kind == "shuffled" and donors is not None:
            donor = next(donors)
            said = None if donor is None else controls.shuffled(own, donor, answer)
            drafts.append((said, "nothing to exchange" if said is None else None))
        elif row["target_tokens"] is None:
            drafts.append((None, f"no rationale at level {control.to}"))
        else:
            said = controls.padded(own, row["target_tokens"], seed)
            drafts.append((None if said == own else said, None))
    changed = [
        (said, asked[key]) for (said, _), key in zip(drafts, rows["question_key"], strict=True) if said is not None
    ]
    verdicts = grade_many(changed)
    for (said, why), before in zip(drafts, rows["verdict"], strict=True):
        if said is not None and next(verdicts).status != before and why is None:
            why = "announces another answer when altered"
        yield said, why
