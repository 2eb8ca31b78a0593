"""`cotdistill corpus`: choose what students are shown, by rules, and see what was left out and why."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    Bar,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    StoreOption,
    TeachersOption,
    numbers,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
    words,
)

if TYPE_CHECKING:
    from ..store.corpus_write import Made

SQL = Path(__file__).parent / "sql"
app = typer.Typer(help="Choose what students are shown, by rules; see what was left out and why.", no_args_is_help=True)


@app.command(
    "create",
    epilog="Example: cotdistill corpus create dose --dataset svamp --level 1-6 --common --equal-tokens",
)
def create(
    name: Annotated[str, typer.Argument(help="The corpus's name; of several that are compared, NAME/1, NAME/2 ...")],
    rules: Annotated[Path | None, typer.Option(help="Rules as TOML, or a manifest's JSON; see corpus rules.")] = None,
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    gold_visible: Annotated[str | None, typer.Option(help="yes, no, unknown; comma-separated.")] = None,
    rationale: Annotated[
        Literal["visible", "reasoning"] | None, typer.Option(help="A reply's visible answer, or its trace and answer.")
    ] = None,
    verdict: Annotated[Literal["correct", "any", "wrong"] | None, typer.Option(help="Which rationales.")] = None,
    exclude_faults: Annotated[
        str | None, typer.Option(help="Leave out rationales with these faults of `audit`; all: any of them.")
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Only questions that every compared cell has: the common block.")
    ] = False,
    equal_tokens: Annotated[
        bool, typer.Option("--equal-tokens", help="Cut all to the tokens of the smallest (--counter).")
    ] = False,
    equal_rows: Annotated[bool, typer.Option("--equal-rows", help="Cut all to the rows of the smallest.")] = False,
    counter: Annotated[
        Literal["realised_tokens", "completion_tokens"] | None,
        typer.Option(help="What counts tokens: our word pieces, or the teacher's provider."),
    ] = None,
    chains: Annotated[int | None, typer.Option(min=1, help="At most so many rationales a question.")] = None,
    chains_by: Annotated[
        Literal["first", "longest", "shortest", "most-diverse", "random"] | None, typer.Option(help="Which ones.")
    ] = None,
    relevel: Annotated[
        bool, typer.Option("--relevel", help="Levels by realised length within each question, not as requested.")
    ] = False,
    mix: Annotated[
        str | None,
        typer.Option(help="One corpus of parts by share: level:6=1,1=4, teacher:a=1,b=1, or length:long=1,short=4."),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(help="Control arms: answer-only, shuffled, shuffled:5, padded:1-5 (1 as long as 5); commas."),
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Of nearly equal rationales of a cell keep the first.")
    ] = False,
    decontaminate: Annotated[
        bool, typer.Option("--decontaminate", help="Leave out questions that a held-out question nearly is.")
    ] = False,
    rows: Annotated[int | None, typer.Option(min=1, help="At most so many questions of a data set.")] = None,
    validation: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share of questions to validate on.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is drawn at random; default 0.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Give a name that is there to other rows.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Make one corpus, or several to be compared: one for each cell, of the same questions, of equal size.

    Test questions never get in. The same rules on the same store give the same corpora.
    """
    from ..store.corpus_create import create_corpora
    from ..store.corpus_rules import load_rules
    from ..store.jobs import record_job

    if equal_tokens and equal_rows:
        raise ConfigError("--equal-tokens and --equal-rows exclude each other. Next: choose one")
    flags: dict[str, Any] = {
        "cells.dataset": words(dataset),
        "cells.teacher": words(teacher),
        "cells.level": numbers(level, "--level"),
        "cells.format": words(format),
        "cells.gold_visible": words(gold_visible),
        "rationale": rationale,
        "verdict": verdict,
        "exclude_faults": words(exclude_faults),
        "common": common or None,
        "equal": {} if equal_tokens or equal_rows else None,
        "equal.what": "tokens" if equal_tokens else "rows" if equal_rows else None,
        "equal.counter": counter,
        "chains.k": chains,
        "chains.by": chains_by,
        "relevel": {} if relevel else None,
        "mix": parsed_mix(mix) if mix else None,
        "controls": [parsed_control(one) for one in words(control) or []] or None,
        "near_duplicates": {} if near_duplicates else None,
        "decontaminate": {} if decontaminate else None,
        "rows": rows,
        "validation.share": validation,
    }
    chosen = load_rules(rules, flags, seed=seed)
    opened = open_store(store)
    settle(opened)
    record_job(opened, "corpus create", {"name": name, "rules": chosen.resolved()})
    with Bar(f"corpus {name}") as bar:
        stages: list[str] = []

        def show(stage: str) -> None:
            stages.append(stage)
            bar.update(len(stages), max(8, len(stages)), stage)

        made = create_corpora(opened, name, chosen, replace=replace, progress=show)
        bar.update(len(stages), len(stages), "done")
    show_made(made, as_json=as_json)
    for label in made[0].manifest["empty_cells"]:
        say(f"no corpus of ({label}): no row of it is left")
    if not made[0].is_new:
        say(f"{name} was there already, with the same rows")
    say(f"Next: cotdistill corpus show {name}, then cotdistill train --corpus {name}")


def parsed_mix(text: str) -> dict[str, Any]:
    """`level:6=1,1=4` as the rules have it. ConfigError where it is not of that form."""
    by, _, parts = text.partition(":")
    try:
        shares = {key.strip(): float(weight) for key, weight in (part.rsplit("=", 1) for part in parts.split(","))}
    except ValueError as error:
        raise ConfigError(f"--mix {text!r} names no parts with shares. Next: --mix level:6=1,1=4") from error
    return {"by": by.strip(), "shares": shares}


def parsed_control(text: str) -> dict[str, Any]:
    """`answer-only`, `shuffled:5` or `padded:1-5` as the rules have it. ConfigError where it is not of that form."""
    kind, _, levels = text.partition(":")
    of, dash, to = levels.partition("-")
    if (levels and not of.isdecimal()) or (dash and not to.isdecimal()):
        raise ConfigError(f"--control {text!r}: its levels are no numbers. Next: --control padded:1-5")
    named = {"of": int(of)} if of else {}
    return {"kind": kind.strip(), **named, **({"to": int(to)} if to else {})}


def show_made(made: "list[Made]", *, as_json: bool) -> None:
    """One line for each corpus: its size, and what was left out."""
    if as_json:
        print_json([{"is_new": one.is_new, **one.manifest} for one in made])
        return
    columns = ("corpus", "questions", "train", "validation", "tokens", "left out", "hash")
    rows = [
        (
            one.name,
            one.n_questions,
            one.n_train,
            one.n_validation,
            one.tokens,
            _words(one.left_out),
            one.corpus_hash[:8],
        )
        for one in made
    ]
    print_rows(columns, rows, as_json=False)
    print_note("tokens: realised_tokens (word pieces, tasks/realised.py) of the training rows")


def _words(left_out: Any) -> str:
    return ", ".join(f"{n:,} {rule}" for rule, n in left_out.items()) or "none"


@app.command("list", epilog="Example: cotdistill corpus list --json")
def list_(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the named corpora, with their sizes and how many runs were trained on each."""
    opened = open_store(store)
    with opened.read() as con:
        result = con.execute((SQL / "corpora.sql").read_text())
        columns = [c[0] for c in result.description or ()]
        rows = result.fetchall()
    print_rows(columns, rows, as_json=as_json)
    if not rows:
        say("no corpus has a name yet. Next: cotdistill corpus create dose --level 1-6 --common --equal-tokens")


@app.command("show", epilog="Example: cotdistill corpus show dose --rows")
def show(
    name: Annotated[str, typer.Argument(help="A corpus's name, a family's, or the start of a hash.")],
    rows: Annotated[bool, typer.Option("--rows", help="What was left out, row by row, instead of counts.")] = False,
    rule: Annotated[str | None, typer.Option(help="With --rows: only what this rule left out.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="With --rows: at most so many; 0: all.")] = 50,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show a corpus's manifest: its rules, its counts, what was left out and why."""
    from ..store.corpora import find_corpora

    opened = open_store(store)
    found = find_corpora(opened, [name])
    if rows:
        _show_left_out(store, [one.name for one in found], rule, limit, as_json=as_json)
        return
    manifests = [{"name": one.name, "corpus_hash": one.corpus_hash, **json.loads(one.manifest)} for one in found]
    if as_json:
        print_json(manifests)
        return
    counted = [m for m in manifests if "counts" in m]
    if not counted:
        for manifest in manifests:
            print_rows(("what", "value"), [(k, _flat(v)) for k, v in manifest.items()], as_json=False)
        return
    print_rows(
        ("corpus", "questions", "split", "rows", "tokens", "tokens/row", "hash"),
        [
            (m["name"], m["counts"][split]["questions"], split, n, tokens, tokens / n, m["corpus_hash"][:8])
            for m in counted
            for split in ("train", "validation")
            if split in m["counts"] and (n := m["counts"][split]["rows"])
            for tokens in [m["counts"][split]["realised_tokens"]]
        ],
        as_json=False,
    )
    print()
    reasons = sorted({rule for m in counted for rule in m["left_out"]})
    print_rows(
        ("left out", *(m["name"] for m in counted)),
        [(reason, *(m["left_out"].get(reason, 0) for m in counted)) for reason in reasons],
        as_json=False,
    )
    first = counted[0]
    print_note("tokens: realised_tokens (word pieces, tasks/realised.py)")
    print_note(f"guarded against {first['held_out']['questions']:,} held-out questions of all loaded data sets")
    for path, value in _set_rules(first["rules"]):
        print_note(f"{path} = {value}")
    for m in counted:
        if m["control"]:
            print_note(f"{m['name']}: {', '.join(f'{k} {v}' for k, v in m['control'].items())}")
    say(f"Next: cotdistill corpus show {name} --rows, or cotdistill train --corpus {name}")


def _show_left_out(store: Path, names: list[str], rule: str | None, limit: int, *, as_json: bool) -> None:
    params = {"names": names, "rule": rule, "limit": limit or None}
    with open_store(store).read() as con:
        result = con.execute((SQL / "left_out.sql").read_text(), params)
        columns = [c[0] for c in result.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    if as_json:
        print_json(found)
        return
    shown = ("corpus", "cell", "rule", "similarity", "question", "because of")
    print_rows(shown, [_left_out_words(row) for row in found], as_json=False)
    if limit and len(found) == limit:
        say(f"the first {limit}. Next: --limit 0 for all, --json for programs, or SQL on the table corpus_left_out")


@app.command("rules", epilog="Example: cotdistill corpus rules > rules.toml")
def rules(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Print every rule with its meaning and default, as a TOML file to start from."""
    from ..store.corpus_rules import Rules, as_toml

    if as_json:
        print_json(Rules().resolved())
        return
    print(as_toml())


def _left_out_words(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row that was left out, for people: its cell in words, and of texts the beginning."""
    from ..analysis.labels import recipe

    cell = " ".join([str(row["dataset"]), str(row["teacher"]), recipe(row["level"], row["format"])])
    because = row["detail"] or (row["matched_question"] and f"{row['matched_dataset']}: {row['matched_question']}")
    return row["corpus"], cell, row["rule"], row["similarity"], _beginning(row["question"]), _beginning(because)


def _beginning(text: str | None, n: int = 90) -> str | None:
    return text if text is None or len(text) <= n else f"{text[: n - 3]}..."


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _set_rules(settings: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    """The rules that were set, as path and value."""
    found: list[tuple[str, str]] = []
    for key, value in settings.items():
        where = f"{path}{key}"
        if isinstance(value, dict) and key != "shares":
            found += _set_rules(value, f"{where}.")
        elif value not in (None, False, [], {}):
            found.append((where, _flat(value)))
    return found
