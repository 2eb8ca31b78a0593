"""Corpora: chosen sets of rationales, named by the hash of their rows, with a manifest of what was left out and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.grading import RULE_VERSION
from ..tasks.realised import PARSER_VERSION
from ..tasks.reasoned import REASONED_VERSION
from ..tasks.render import question_text
from ..tasks.values import Question
from .cells import Cell
from .spool import utc_now
from .store import Store, as_json

SQL = Path(__file__).parent / "sql"
RationaleKind = Literal["visible", "reasoning"]


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One supervised pair. `prompt` is the question as text, without any template; `completion` the whole rationale."""

    question_key: str
    rationale_key: str
    prompt: str
    completion: str
    split: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """A chosen set of rationales. `left_out` counts the members that were not taken, by reason."""

    corpus_hash: str
    name: str
    cell: Cell
    rows: tuple[CorpusRow, ...]
    left_out: Mapping[str, int]
    manifest: Mapping[str, Any]


def implicit_corpus(
    store: Store,
    cell: Cell,
    *,
    n_questions: int | None = None,
    any_verdict: bool = False,
    rationale: RationaleKind = "visible",
) -> Corpus:
    """The corpus of one cell: rationales judged correct, training split, minus leaks; recorded in the store.

    `n_questions` keeps the first so many kept questions in the order of their keys, which is random and the same for
    every cell of a data set. `any_verdict` takes wrong and unparsed rationales too. `rationale` says what of a reply is
    one: its visible answer, or the reasoning trace with the answer after it. ConfigError when nothing is left.
    """
    with store.read() as con:
        rows = con.execute(
            (SQL / "cell_fates.sql").read_text(),
            {"cell": cell.key, "any_verdict": any_verdict, "reasoned": rationale == "reasoning"},
        ).fetchall()
    fates: Counter[str] = Counter()
    taken: list[CorpusRow] = []
    questions: set[str] = set()
    for question_key, rationale_key, _, completion, dataset, split, text, choices, kind, gold, fate in rows:
        if (
            fate == "kept"
            and n_questions is not None
            and question_key not in questions
            and len(questions) >= n_questions
        ):
            fate = "beyond --rows"
        fates[fate] += 1
        if fate != "kept":
            continue
        questions.add(question_key)
        question = Question(dataset, split, text, kind, gold, tuple(choices))
        taken.append(CorpusRow(question_key, rationale_key, question_text(question), completion, "train"))
    left_out = {fate: n for fate, n in sorted(fates.items()) if fate != "kept"}
    if not taken:
        reasons = ", ".join(f"{n} {fate}" for fate, n in left_out.items()) or "it has no members"
        raise ConfigError(
            f"no rationale of ({cell.label}) can be trained on: {reasons}. "
            f"Next: cotdistill questions load --dataset {cell.dataset}, then cotdistill status"
        )
    corpus = Corpus(
        corpus_hash=keys.corpus_hash([(r.prompt, r.completion, r.split) for r in taken]),
        name=cell.slug + ("_reasoning" if rationale == "reasoning" else ""),
        cell=cell,
        rows=tuple(taken),
        left_out=left_out,
        manifest={
            "rule": "any verdict" if any_verdict else "judged correct",
            "rationale": rationale,
            "cell": cell.row(),
            "n_questions": len(questions),
            "n_rows": len(taken),
            "left_out": left_out,
            "parser_version": REASONED_VERSION if rationale == "reasoning" else PARSER_VERSION,
            "rule_version": RULE_VERSION,
        },
    )
    _record(store, corpus)
    return corpus


def _record(store: Store, corpus: Corpus) -> None:
    members = [
        {
            "corpus_hash": corpus.corpus_hash,
            "position": position,
            "rationale_key": row.rationale_key,
            "question_key": row.question_key,
            "split": row.split,
        }
        for position, row in enumerate(corpus.rows)
    ]
    with store.read() as con:
        known = con.execute("SELECT 1 FROM corpus WHERE corpus_hash = ?", [corpus.corpus_hash]).fetchone()
    if known:
        return
    with store.write() as con:
        store.insert(
            con,
            "corpus",
            [
                {
                    "corpus_hash": corpus.corpus_hash,
                    "name": corpus.name,
                    "cell_key": corpus.cell.key,
                    "n_rows": len(corpus.rows),
                    "manifest": as_json(corpus.manifest),
                    "created_at": utc_now(),
                }
            ],
        )
        store.insert(con, "corpus_member", members)
