"""How a study's plan is shown: every cell, the stages with their hours, and what the design can tell."""

from typing import TYPE_CHECKING

from ..store.status import duration
from .common import print_json, print_note, print_rows, say, usd

if TYPE_CHECKING:
    from ..study.plan import Plan

CELLS = ("supervision", "replies", "missing", "tokens", "usd", "runs", "left", "evals", "left", "hours")


def show(plan: "Plan", file: str, *, as_json: bool) -> None:
    """The plan on stdout, a table for each data set, its conditions beneath; what to type next on stderr."""
    if as_json:
        print_json(plan.as_dict())
        return
    for dataset in dict.fromkeys(row.dataset for row in plan.rows):
        mine = [row for row in plan.rows if row.dataset == dataset]
        print_rows(CELLS, [_cell(row) for row in mine], as_json=False, title=f"{plan.design.name}: {dataset}")
        said: dict[str, list[str]] = {}
        for row in mine:
            if row.note and row.supervision != "untouched":
                said.setdefault(row.note, []).append(row.supervision)
        for note, which in said.items():
            print_note(f"{note}: {', '.join(which[:3])}{f' and {len(which) - 3} more' if len(which) > 3 else ''}")
        print()
    print_note("tokens (in and out), usd and hours: estimates for what is missing")
    print()
    show_stages(plan)
    print()
    _show_tells(plan)
    print()
    for note in conditions(plan):
        print_note(note)
    say(f"Next: cotdistill study run {file}" if plan.n_missing else f"Next: cotdistill study report {file}")


def show_stages(plan: "Plan") -> None:
    """One line for each kind of work."""
    rows = [(s.stage, s.unit, s.wanted, s.done, s.wanted - s.done, _hours(s.hours)) for s in plan.stages]
    print_rows(("stage", "unit", "wanted", "done", "missing", "takes"), rows, as_json=False, title="Stages")
    for s in plan.stages:
        if s.basis:
            print_note(f"{s.stage}: estimated from {s.basis}")


def _show_tells(plan: "Plan") -> None:
    """Students that a design treats alike share a line."""
    lines: dict[tuple[object, ...], list[str]] = {}
    for t in plan.tells:
        points = (round(100 * t.smallest, 1), round(100 * t.strictest, 1))
        lines.setdefault((t.dataset, t.n_questions, t.seeds, t.n_arms, *points, t.about), []).append(t.student)
    rows = [
        (dataset, names[0] if len(names) == 1 else f"{len(names)} students", *rest)
        for (dataset, *rest), names in lines.items()
    ]
    columns = ("examined on", "student", "questions", "seeds", "arms", "one", "all", "about")
    print_rows(columns, rows, as_json=False, title="What it can tell: differences in points, found four times in five")
    print_note("one: a comparison chosen beforehand; all: every arm with the same one, corrected (Holm)")
    for basis in dict.fromkeys(t.basis for t in plan.tells):
        print_note(basis)


def conditions(plan: "Plan") -> list[str]:
    """What the figures rest on and leave out."""
    cost = f"estimated: {plan.tokens_in:,} tokens in, {plan.tokens_out:,} out, {usd(plan.usd)}"
    notes = [cost + (f" for what has a price; {plan.unpriced:,} replies have none" if plan.unpriced else "")]
    if plan.guessed:
        notes.append(
            f"the tokens of {plan.guessed} cells are a guess from their level: none of their replies is there yet"
        )
    if plan.expected:
        own = plan.design.questions.own
        lost = [name for name in plan.expected if name in own and not own[name].file.exists()]
        if there := [name for name in plan.expected if name not in lost]:
            notes.append(f"not loaded: the questions of {', '.join(there)}; counts are those the data sets have")
        notes += [f"there is no {own[name].file}: the questions of {name} are counted as none" for name in lost]
    if plan.listed and plan.usd:
        notes.append(f"list prices of {', '.join(plan.listed)}")
    return notes


def _hours(hours: float | None) -> str:
    return "unknown" if hours is None else duration(3600 * hours) or "-"


def _cell(row: object) -> tuple[object, ...]:
    from ..study.plan import PlanRow

    assert isinstance(row, PlanRow)
    dollars = None if row.usd is None else round(row.usd, 2 if row.usd >= 1 else 4)
    return (
        row.supervision,
        row.wanted,
        row.missing,
        row.tokens_in + row.tokens_out,
        dollars,
        row.runs,
        row.runs - row.runs_done,
        row.evaluations,
        row.evaluations - row.evaluations_done,
        None if row.hours is None else round(row.hours, 2),
    )
