"""How evaluations are shown: accuracy with n and interval, what could not be judged beside it, samples, parts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import print_json, print_note, print_rows

if TYPE_CHECKING:
    from ..evaluate.run import EvaluationResult
    from ..store.store import Store

SQL = Path(__file__).parent / "sql"
Row = dict[str, Any]
_ODD = (
    ("n_too_long", "had a prompt that fills the student's context (nothing was generated; counted as wrong)"),
    ("n_rejected", "were rejected or filtered by the server (counted as wrong)"),
    ("n_empty", "are empty (counted as wrong)"),
    ("n_no_gold", "have no gold answer and are in no n"),
)


def scores(store: "Store", results: Sequence["EvaluationResult"], samples: int = 1) -> list[Row]:
    """Rows of scores.sql for what was just asked, with intervals; `samples` of each question."""
    from ..analysis.samples import Votes, agreement, mean, powers, summary
    from ..analysis.statistics import wilson

    asked = sorted({key for result in results for key in result.questions})
    params = {"evaluations": [r.evaluation_key for r in results], "questions": asked, "samples": samples}
    with store.read() as con:
        found = con.execute((SQL / "scores.sql").read_text(), params)
        names = [c[0] for c in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        votes: dict[str, list[Votes]] = {}
        if samples > 1:
            for key, right, wrong, silent in con.execute((SQL / "votes.sql").read_text(), params).fetchall():
                votes.setdefault(key, []).append(Votes(right, tuple(wrong), silent))
    for row in rows:
        n = _effective(row)
        row["n_effective"] = n
        bounds = wilson(row["n_correct"] / row["n"] * n if row["n"] else 0, n)
        row |= {"accuracy": row["n_correct"] / row["n"] if row["n"] else None}
        row |= {"wilson_low": bounds.low, "wilson_high": bounds.high}
        if row["by"] == "all" and (mine := votes.get(row["evaluation_key"])):
            row["samples"] = summary(mine, powers(samples))
            alike = mean([agreement(v) for v in mine if v.n > 1])
            row |= {"agreement": alike.value, "agreement_low": alike.low, "agreement_high": alike.high}
    return rows


def show_scores(
    store: "Store", results: Sequence["EvaluationResult"], *, as_json: bool = False, samples: int = 1
) -> None:
    """Accuracy with n and its Wilson 95 % interval, and beside it the shares of unparsed and of truncated answers."""
    rows = scores(store, results, samples)
    if as_json:
        print_json(rows)
        return
    labels = ("student", "dataset", "split", "engine", "engine_version", "dtype", "decoder")
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in labels), []).append(row)
    for (student, dataset, split, engine, version, dtype, decoder), group in groups.items():
        _show_group(f"{student} on {dataset}, split {split}", group, (engine, version, dtype, decoder))


def _show_group(title: str, group: Sequence[Row], how: tuple[str, str, str, str]) -> None:
    from ..analysis import labels

    whole = [row for row in group if row["by"] == "all"]
    teachers = {row["teacher"] for row in whole if row["teacher"]}
    head = ("n", "% right", "95 % CI", "strict", "unparsed", "cut", "tokens")

    def called(row: Row) -> str:
        return f"{_name(row)}, {row['teacher']}" if len(teachers) > 1 and row["teacher"] else _name(row)

    shown = [(called(row), row["seed"], *_figures(row)) for row in whole]
    print_rows(("trained on", "seed", *head), shown, as_json=False, title=title)
    engine, version, dtype, decoder = how
    by_whom = f"teacher: {next(iter(teachers))}; " if len(teachers) == 1 else ""
    print_note(f"{by_whom}{engine} {version}, {dtype}; {labels.decoder(decoder)}")
    for settings in sorted({text for row in whole for text in row["settings"] or ()}):
        print_note(labels.batches(settings))
    print_note(
        "interval: Wilson 95 %; an unparsed answer counts as wrong; strict (the paper's rule, the first match of "
        '"The answer is X"), unparsed and cut (by the token limit) in percent of n; tokens: mean of an answer'
    )
    for name, words in _ODD:
        if n := sum(row[name] for row in whole):
            print_note(f"{n:,} answers {words}")
    for row in whole:
        if "samples" in row:
            _show_samples(row)
    shown_parts: list[set[str]] = []
    for by in ("subject", "level"):
        parts = [row for row in group if row["by"] == by]
        names = {row["part"] for row in parts}
        if len(names) < 2 or names in shown_parts:  # one part is the whole; `arith` has one word for both
            continue
        shown_parts.append(names)
        kept = [i for i, name in enumerate(head) if name != "strict"]
        lines = [(row["part"], called(row), row["seed"], *(_figures(row)[i] for i in kept)) for row in parts]
        print_rows(
            (by, "trained on", "seed", *(head[i] for i in kept)), lines, as_json=False, title=f"{title}, by {by}"
        )
    print()


def _show_samples(row: Mapping[str, Any]) -> None:
    def cell(k: Mapping[str, Any], name: str) -> str:
        value = k[name]
        low, high = 100 * k[f"{name}_low"], 100 * k[f"{name}_high"]
        return "-" if value is None else f"{100 * value:.1f} ({low:.1f}-{high:.1f})"

    lines = [(k["k"], k["n"], cell(k, "pass"), cell(k, "maj")) for k in row["samples"]]
    print_rows(("k", "questions", "% pass@k", "% maj@k"), lines, as_json=False, title=f"samples: {_name(row)}")
    if row["agreement"] is not None:
        low, high = 100 * row["agreement_low"], 100 * row["agreement_high"]
        print_note(
            f"two samples of a question give the same answer in {100 * row['agreement']:.1f} % ({low:.1f}-{high:.1f})"
        )
    print_note("unbiased over all choices of k of the samples; 95 % bootstrap over questions; ties are shared")


def _figures(row: Mapping[str, Any]) -> tuple[Any, ...]:
    n = row["n"]

    def share(name: str) -> str:
        return f"{100 * row[name] / n:.1f}" if n and row[name] is not None else "-"

    tokens = row["mean_completion_tokens"]
    return (
        n,
        share("n_correct"),
        f"{100 * row['wilson_low']:.1f}-{100 * row['wilson_high']:.1f}" if n else "-",
        share("n_strict"),
        share("n_unparsed"),
        share("n_truncated"),
        "-" if tokens is None else f"{tokens:,.1f}",
    )


def _name(row: Mapping[str, Any]) -> str:
    """What was evaluated: the supervision of a run, or what else it is."""
    from ..analysis import labels

    if row["what"] == "run" and row["corpus_name"] is not None:
        return str(row["corpus_name"])
    if row["what"] == "run":
        return labels.recipe(row["level"], row["format"], row["gold_visible"])
    names = {"base": labels.UNTOUCHED, "teacher": "teacher, unaided"}
    return names.get(row["what"], str(row["what"]))


def _effective(row: Mapping[str, Any]) -> float:
    """How many independent answers the samples are worth (as analysis/sql/accuracy.sql: Kish's design effect)."""
    n, n_questions, variance = row["n"], row["n_questions"], row["variance"]
    if n <= n_questions or n_questions < 2 or variance is None:
        return float(n)
    share = row["n_correct"] / n
    return (
        float(n_questions) if variance == 0 else min(float(n), max(float(n_questions), share * (1 - share) / variance))
    )
