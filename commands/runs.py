"""`cotdistill runs`: what was trained, one run in full, or two runs beside each other."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    LOSS,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
)

SQL = Path(__file__).parent / "sql"
SHOWN = 8  # characters of a run key that people see and type
MARKS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # marks of a loss curve


def runs(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN [RUN]]", help="The beginning of a run's key; two are compared.")
    ] = None,
    student: Annotated[str | None, typer.Option(help="Only this student's.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """List the runs; with one key show that run in full, with two how they differ."""
    opened = open_store(store)
    settle(opened)
    found = _read(opened, student)
    chosen = [_the_one(found, key, opened.path) for key in keys or []]
    if len(chosen) > 2:
        two = " ".join(run["run_key"][:SHOWN] for run in chosen[:2])
        raise ConfigError(f"runs takes one or two keys, not {len(chosen)}. Next: cotdistill runs {two}")
    if as_json:
        print_json(chosen or found)
    elif not chosen:
        _list(found)
    elif len(chosen) == 1:
        _table(chosen, list(_flat(chosen[0])))
    else:
        first, second = (_flat(run) for run in chosen)
        names = list(dict.fromkeys([*first, *second]))
        _table(chosen, [n for n in names if first.get(n) != second.get(n)])
        print_note("what is not shown is the same in both")


def _read(store: Any, student: str | None) -> list[dict[str, Any]]:
    with store.read() as con:
        asked = con.execute((SQL / "runs.sql").read_text(encoding="utf-8"), {"student": student})
        names = [column[0] for column in asked.description]
        return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def _the_one(found: list[dict[str, Any]], key: str, path: Path) -> dict[str, Any]:
    matching = [run for run in found if run["run_key"].startswith(key)]
    if len(matching) == 1:
        return matching[0]
    what = f"{len(matching)} runs of {path} begin" if matching else f"no run of {path} begins"
    raise ConfigError(f"{what} with {key!r}. Next: cotdistill runs")


def _list(found: list[dict[str, Any]]) -> None:
    from ..analysis import labels

    rows = [
        (
            run["run_key"][:SHOWN],
            run["student"],
            run["teacher"] or "-",
            run["corpus"] if run["is_named"] else labels.recipe(run["level"], run["format"]),
            run["seed"],
            run["status"],
            run["steps"],
            None if run["loss"] is None else round(run["loss"], 3),
            f"{100 * run['n_correct'] / run['n']:.1f}" if run["n"] else "-",
            run["n"],
        )
        for run in found
    ]
    columns = ["run", "student", "teacher", "trained on", "seed", "status", "steps", "loss", "% right", "n"]
    same = [i for i in (1, 2) if len({row[i] for row in rows}) == 1]
    kept = [i for i in range(len(columns)) if i not in same]
    print_rows([columns[i] for i in kept], [[row[i] for i in kept] for row in rows], as_json=False)
    if rows and same:
        print_note(f"all runs: {', '.join(f'{columns[i]} {rows[0][i]}' for i in same)}")
    if rows:
        print_note(f"{LOSS}; % right: of n answers of the run's newest evaluation")
    say("Next: cotdistill runs RUN [RUN]" if found else "no run yet. Next: cotdistill train --student tiny")


def _flat(run: dict[str, Any]) -> dict[str, Any]:
    """A run as one level of names: the settings of its profile beside the rest."""
    flat = {k: v for k, v in run.items() if k not in ("profile", "versions", "outcome", "losses")}
    if run["losses"]:
        flat["loss, first to last step"] = curve(run["losses"])
    if run["outcome"]:
        flat["saved"] = json.loads(run["outcome"]).get("saved")
    if run["n"]:
        flat["right"] = f"{run['n_correct']} of {run['n']}"
    for group in ("profile", "versions"):
        for name, value in json.loads(run[group]).items():
            flat[f"{group}.{name}"] = json.dumps(value) if isinstance(value, (dict, list)) else value
    if run["status"] == "failed" and run["outcome"]:
        flat["error"] = json.loads(run["outcome"]).get("error")
    return flat


def curve(losses: list[float]) -> str:
    """A loss curve in a line: each mark is the mean of its stretch of steps, high to low between the curve's own
    ends."""
    size = max(1, -(-len(losses) // WIDTH))
    means = [sum(part) / len(part) for part in (losses[i : i + size] for i in range(0, len(losses), size))]
    low, high = min(means), max(means)
    marks = "".join(MARKS[round((m - low) / ((high - low) or 1) * (len(MARKS) - 1))] for m in means)
    return f"{losses[0]:.3f} {marks} {losses[-1]:.3f}"


def _table(chosen: list[dict[str, Any]], names: list[str]) -> None:
    flat = [_flat(run) for run in chosen]
    columns = ("what", *(run["run_key"][:SHOWN] for run in chosen))
    rows = [(name.replace("_", " "), *(_plain(run.get(name)) for run in flat)) for name in names]
    print_rows(columns, rows, as_json=False)


def _plain(value: Any) -> str:
    return "-" if value is None else f"{value:,.4g}" if isinstance(value, float) else str(value)
