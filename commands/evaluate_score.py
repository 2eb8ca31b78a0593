"""`cotdistill evaluate score`: how rationales look to a student that has not learned from them yet."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .common import (
    DEFAULT_STORE,
    Bar,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    LimitOption,
    StoreOption,
    TeachersOption,
    numbers,
    open_store,
    print_note,
    print_rows,
    say,
    settle,
    words,
)

SQL = Path(__file__).parent / "sql"


def score(
    student: Annotated[str, typer.Option(help="A known student, a directory with a model, or a hub id.")] = "tiny",
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    limit: LimitOption = None,
    template: Annotated[str | None, typer.Option(help="Default: what the student is trained with.")] = None,
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    processes: Annotated[int, typer.Option(min=1, help="Workers side by side, one thread each.")] = 2,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Score rationales under an untrained student: mean negative log-likelihood and mean rank of their tokens. Written
    back (table rationale_score); nothing is scored twice."""
    from ..errors import ConfigError
    from ..evaluate.models import base_model
    from ..evaluate.plan import ALL
    from ..evaluate.scoring import score_rationales
    from ..store.cells import select_cells
    from ..store.jobs import record_job
    from ..train.students import locate, resolve_student

    if dtype not in ("float32", "bfloat16"):
        raise ConfigError(f"unknown dtype {dtype!r}. Known: float32, bfloat16. Next: --dtype float32")
    opened = open_store(store)
    settle(opened)
    found = resolve_student(student)
    model = base_model(found.name, locate(found), template or found.template)
    cells = select_cells(
        opened,
        datasets=words(dataset),
        teachers=words(teacher),
        levels=numbers(level, "--level"),
        formats=words(format),
    )
    record_job(opened, "evaluate score", {"student": found.name, "cells": [c.label for c in cells], "limit": limit})
    with Bar("scoring") as bar:
        n_wanted, n_new = score_rationales(
            opened, model, cells, limit=limit, dtype=dtype, processes=processes, progress=bar.update
        )
    params = {"cells": [c.key for c in cells], "weights": model.weights_hash, "template": model.template}
    with opened.read() as con:
        asked = con.execute(
            (SQL / "rationale_scores.sql").read_text(), params | {"dtype": dtype, "limit": limit or ALL}
        )
        names = [c[0] for c in asked.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in asked.fetchall()]
    say(f"{n_wanted:,} rationales, {n_new:,} of them scored now")
    if as_json:
        print_rows(names, [list(row.values()) for row in rows], as_json=True)
        return
    _show(found.name, rows)


def _show(student: str, rows: list[dict[str, Any]]) -> None:
    from ..analysis import labels

    def both(row: dict[str, Any], name: str) -> str:
        value, half = row[name], row[f"{name}_half"]
        return "-" if value is None else f"{value:.3f}" + ("" if half is None else f" +-{half:.3f}")

    lines = [
        (
            row["dataset"],
            row["teacher"],
            labels.recipe(row["level"], row["format"], row["gold_visible"]),
            row["n"],
            None if row["tokens"] is None else round(row["tokens"], 1),
            both(row, "nll"),
            both(row, "rank"),
            None if row["rank_over_nll"] is None else round(row["rank_over_nll"], 3),
        )
        for row in rows
    ]
    columns = ("dataset", "teacher", "recipe", "n", "tokens", "NLL", "rank", "rank/NLL")
    print_rows(columns, lines, as_json=False, title=f"Rationales under the untrained {student}")
    print_note("means over rationales of the means over their tokens, +- half a 95 % interval; NLL in nats a token")
    if n := sum(row["n_too_long"] for row in rows):
        print_note(f"{n:,} rationales do not fit into the student's context and have no score")
