"""How a plan is shown: what each cell has and misses, what that costs, and how much the estimate can be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .common import print_json, print_rows, say, usd

if TYPE_CHECKING:
    from ..gen.plan import CellPlan
    from ..gen.teachers import Teacher

MEANING = "Estimated tokens and dollars of what is missing; sample: replies they rest on"


def show_plan(cells: "Sequence[CellPlan]", teacher: "Teacher", *, batch: bool, as_json: bool) -> None:
    """One line per cell on stdout, the sum and its conditions on stderr."""
    priced = [in_batches(cell, teacher) for cell in cells] if batch else list(cells)
    if as_json:
        print_json(
            [
                {
                    "dataset": p.cell.dataset,
                    "recipe": p.cell.recipe_label,
                    "wanted": p.n_wanted,
                    "cached": p.n_cached,
                    "missing": p.n_missing,
                    "tokens_in": p.prompt_tokens,
                    "tokens_out": p.completion_tokens,
                    "usd": p.usd,
                    "calibrated_on": p.n_calibrated,
                }
                for p in priced
            ]
        )
    else:
        rows = [
            (
                p.cell.dataset,
                p.cell.recipe_label,
                p.n_cached,
                p.n_missing,
                p.prompt_tokens,
                p.completion_tokens,
                None if p.usd is None else round(p.usd, 2 if p.usd >= 1 else 4),
                p.n_calibrated,
            )
            for p in priced
        ]
        columns = ("dataset", "recipe", "cached", "missing", "input", "output", "usd", "sample")
        print_rows(columns, rows, as_json=False, title=MEANING)
    say(totals_line(cells, teacher, batch=batch))
    for note in _conditions(cells, teacher):
        say(note)


def totals_line(cells: "Sequence[CellPlan]", teacher: "Teacher", *, batch: bool) -> str:
    """`gpt-4o: 400 replies wanted in 1 cells, 350 to ask for; estimated cost $1.20 at the list price of 2026-05-27`."""
    from ..gen.plan import totals

    total = totals([in_batches(cell, teacher) for cell in cells] if batch else cells)
    kind = "batch" if batch else "list"
    listed = f" at the {kind} price of {teacher.listed_on}" if teacher.listed_on and total["usd"] else ""
    return (
        f"{teacher.name}: {total['wanted']:,} replies wanted in {len(cells)} cells, "
        f"{total['missing']:,} to ask for; estimated cost {usd(total['usd'])}{listed}"
    )


def in_batches(cell: "CellPlan", teacher: "Teacher") -> "CellPlan":
    """The cell at what the teacher's batches cost."""
    price = teacher.price.batch() if teacher.price else None
    return replace(cell, usd=price.estimate(cell.prompt_tokens, cell.completion_tokens) if price else None)


def _conditions(cells: "Sequence[CellPlan]", teacher: "Teacher") -> list[str]:
    """What the figures rest on, where that is not what one would think."""
    missing = [cell for cell in cells if cell.n_missing]
    guessed = [cell for cell in missing if not cell.n_calibrated]
    if not guessed or teacher.provider == "builtin":
        return []
    said = [
        f"uncalibrated: the tokens of {len(guessed)} of {len(missing)} cells (sample 0) are a guess from their level"
    ]
    if teacher.thinks:
        said.append(f"{teacher.name} thinks before it answers and bills that as output; the guess does not hold it")
    return [*said, f"Next, to calibrate: cotdistill generate --teacher {teacher.name} with --limit 20"]
