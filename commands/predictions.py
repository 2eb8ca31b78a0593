"""`cotdistill predictions`: what models said, beside the gold answer and another model's; and the same as a file."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    DatasetsOption,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
)

if TYPE_CHECKING:
    from ..store.store import Store

SQL = Path(__file__).parent / "sql"
VERDICTS = ("correct", "wrong", "unparsed", "ungradable")
UNTOUCHED = "untouched"
ASKED = ("dataset", "split", "engine", "decoder")  # the same questions, asked the same way
ALL = 2**62
Row = dict[str, Any]


def predictions(
    model: Annotated[
        str | None, typer.Option(help="A run's or an evaluation's key, a student's name, or `untouched`; default: all.")
    ] = None,
    beside: Annotated[str | None, typer.Option(help="Another model, named likewise, on the same questions.")] = None,
    dataset: DatasetsOption = None,
    split: Annotated[str | None, typer.Option(help="Only this split's.")] = None,
    engine: Annotated[str | None, typer.Option(help="Only by this engine.")] = None,
    decode: Annotated[str | None, typer.Option(help="Only with this decoder: greedy, beam, sample.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only correct, wrong, unparsed or ungradable ones.")] = None,
    differ: Annotated[bool, typer.Option("--differ", help="Only where the two models' verdicts differ.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many are shown; a file gets all.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(help="Write to a file: NAME.parquet, or NAME.jsonl as lm-evaluation-harness sample lines."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Browse what models answered, or write it to a file. Without anything to choose by: the evaluations there are."""
    if verdict is not None and verdict not in VERDICTS:
        raise ConfigError(f"unknown --verdict {verdict!r}. Known: {', '.join(VERDICTS)}. Next: name one of them")
    if differ and beside is None:
        raise ConfigError("--differ compares two models. Next: --beside RUN, or --beside untouched")
    opened = open_store(store)
    settle(opened)
    every = [e for e in _evaluations(opened) if _fits(e, dataset, split, engine, decode)]
    chosen = [e for e in every if model is None or _is(e, model)]
    if not chosen:
        raise ConfigError(f"no evaluation in {opened.path} fits. Next: cotdistill predictions, or cotdistill evaluate")
    if all(word is None for word in (model, beside, dataset, split, engine, decode, verdict, out)) and not as_json:
        _list(chosen)
        return
    other = None
    if beside is not None:
        # An untouched student belongs beside its own runs, whoever else answered the same questions.
        same = (*ASKED, "student") if UNTOUCHED in (model, beside) else ASKED
        other = _other([e for e in every if _is(e, beside)], chosen, beside, same)
        chosen = [e for e in chosen if _comparable(e, other, same)]
    params = {
        "evaluations": [e["evaluation_key"] for e in chosen],
        "beside": None if other is None else other["evaluation_key"],
        "verdict": verdict,
        "differ": differ,
        "limit": ALL if out is not None else limit,
    }
    rows = _read(opened, params)
    if out is not None:
        _write(rows, out)
        say(f"{len(rows):,} predictions of {len(chosen)} evaluations in {out}")
    elif as_json:
        print_json(rows)
    else:
        for row in rows:
            _show(row, None if other is None else _label(other))
        if not rows:
            say("no prediction fits. Next: cotdistill predictions --verdict correct, or leave the filters out")


def sample_line(row: Mapping[str, Any], doc_id: int) -> Row:
    """A prediction as lm-evaluation-harness logs a sample (v0.4: `samples_TASK_DATE.jsonl`). The score is ours, under
    exact_match; `arguments` holds the question as text, without the student's template."""
    doc = {k: row[k] for k in ("question_key", "question", "choices", "gold", "subject", "level", "source")}
    prompt = row["question"] if not row["choices"] else f"{row['question']}\n{_choices(row['choices'])}"
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": str(row["gold"]),
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": json.loads(row["decoder"])}},
        "resps": [[row["text"]]],
        "filtered_resps": [row["answer"] if row["answer"] is not None else "[invalid]"],
        "filter": f"cotdistill, {row['rule']}",
        "metrics": ["exact_match", "strict_match"],
        "doc_hash": _sha(json.dumps(doc, indent=2, ensure_ascii=False, default=str)),
        "prompt_hash": _sha(prompt),
        "target_hash": _sha(str(row["gold"])),
        "exact_match": float(row["verdict"] == "correct"),
        "strict_match": float(row["strict_verdict"] == "correct"),
        "model": {k: row[k] for k in ("student", "run_key", "engine", "engine_version", "dtype", "template")},
        "verdict": row["verdict"],
        "finish_reason": row["finish_reason"],
        "sample_index": row["sample_index"],
    }


def _evaluations(store: "Store") -> list[Row]:
    with store.read() as con:
        asked = con.execute((SQL / "evaluations.sql").read_text())
        names = [c[0] for c in asked.description or ()]
        return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def _fits(e: Row, dataset: str | None, split: str | None, engine: str | None, decode: str | None) -> bool:
    return (
        (dataset is None or e["dataset"] in dataset.split(","))
        and (split is None or e["split"] == split)
        and (engine is None or e["engine"] == engine)
        and (decode is None or json.loads(e["decoder"])["mode"] == decode)
    )


def _is(e: Row, name: str) -> bool:
    """Whether that is how somebody names this evaluation's model."""
    if name == UNTOUCHED:
        return bool(e["what"] == "base")
    return e["student"] == name or any((e[k] or "").startswith(name) for k in ("run_key", "evaluation_key"))


def _comparable(mine: Row, other: Row, same: Sequence[str]) -> bool:
    """Whether these are two evaluations with the same of `same`."""
    return mine["evaluation_key"] != other["evaluation_key"] and all(mine[k] == other[k] for k in same)


def _other(found: Sequence[Row], chosen: Sequence[Row], name: str, same: Sequence[str]) -> Row:
    """The newest evaluation of that name that is comparable with one of `chosen`. ConfigError: there is none."""
    for e in found:
        if any(_comparable(mine, e, same) for mine in chosen):
            return e
    whose = " of the same student" if "student" in same else ""
    raise ConfigError(
        f"nothing called {name!r}{whose} was asked the same questions in the same way. Next: cotdistill predictions"
    )


def _read(store: "Store", params: Mapping[str, Any]) -> list[Row]:
    with store.read() as con:
        asked = con.execute((SQL / "predictions.sql").read_text(), dict(params))
        names = [c[0] for c in asked.description or ()]
        return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def _list(found: Sequence[Row]) -> None:
    from ..analysis import labels

    rows = [
        (
            e["evaluation_key"][:8],
            _label(e),
            e["dataset"],
            e["split"],
            e["engine"],
            labels.decoder(e["decoder"]),
            e["n"],
        )
        for e in found
    ]
    print_rows(("evaluation", "model", "dataset", "split", "engine", "decoder", "answers"), rows, as_json=False)
    say("Next: cotdistill predictions --model RUN --beside untouched --differ")


def _label(e: Mapping[str, Any]) -> str:
    if e["run_key"]:
        return f"{e['student']}, run {e['run_key'][:8]}"
    return f"{e['student']}, {'untouched' if e['what'] == 'base' else e['what']}"


def _show(row: Mapping[str, Any], other: str | None) -> None:
    who = f"{row['student']}, run {row['run_key'][:8]}" if row["run_key"] else row["student"]
    where = ", ".join(str(row[k]) for k in ("dataset", "subject", "level") if row[k])
    print(f"--- {where}, question {row['question_key'][:8]}, sample {row['sample_index']}")
    print(row["question"] + (f"\n{_choices(row['choices'])}" if row["choices"] else ""))
    print(f"gold: {row['gold'] if row['gold'] is not None else '(none)'}")
    print(f"[{who}: {_said(row['verdict'], row['answer'])}, {row['finish_reason']}]")
    print(row["text"] or "(empty)")
    if other is not None:
        print(f"[{other}: {_said(row['other_verdict'], row['other_answer'])}]")
        print(row["other_text"] or "(empty)")
    if row["finish_reason"] == "prompt_too_long":
        print_note("its prompt fills the student's context: nothing was generated")
    print()


def _said(verdict: str, answer: str | None) -> str:
    return verdict if answer is None else f"{answer}, {verdict}"


def _choices(choices: Sequence[str]) -> str:
    from ..tasks.render import listed_choices

    return listed_choices(choices)


def _write(rows: Sequence[Row], out: Path) -> None:
    import polars as pl

    if out.suffix == ".parquet":
        frame = pl.DataFrame(rows, infer_schema_length=None)
        _whole(out, frame.write_parquet)
    elif out.suffix in (".jsonl", ".json"):
        ids = {key: i for i, key in enumerate(dict.fromkeys(row["question_key"] for row in rows))}
        lines = [json.dumps(sample_line(r, ids[r["question_key"]]), ensure_ascii=False, default=str) for r in rows]
        _whole(out, lambda path: path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8"))
    else:
        raise ConfigError(f"--out {out} is neither .parquet nor .jsonl. Next: --out predictions.parquet")


def _whole(out: Path, write: Callable[[Path], object]) -> None:
    """Written beside `out` and renamed over it: a file is there whole or not at all. ConfigError: it cannot be."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        write(partial)
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"cannot write {out}: {error.strerror}. Next: --out FILE in a folder of yours") from error


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
