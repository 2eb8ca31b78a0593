"""Corpora: chosen sets of rationales, named by the hash of their rows, with a manifest of what was left out and why.

The implicit corpus of one cell is made where it is asked for. Named ones are made by rules (corpus_create.py) and read
back here by their name or hash.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.grading import RULE_VERSION
from ..tasks.realised import PARSER_VERSION
from ..tasks.reasoned import REASONED_VERSION
from ..tasks.render import question_text
from ..tasks.values import Question, Recipe
from .cells import Cell
from .spool import utc_now
from .store import Store, as_json

SQL = Path(__file__).parent / "sql"
RationaleKind = Literal["visible", "reasoning"]


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One supervised pair. `prompt` is the question as text, without any template; `completion` what is taught: the
    whole rationale, or in a control arm what stands in its place. `level` is the reassigned one where there is one."""

    question_key: str
    rationale_key: str
    prompt: str
    completion: str
    split: str
    dataset: str
    teacher: str
    level: int | None
    format: str | None
    gold_visible: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """A chosen set of rationales. `left_out` counts the members that were not taken, by reason; `cell` is None where
    the rows are of several cells or are not rationales as they came."""

    corpus_hash: str
    name: str
    cell: Cell | None
    rows: tuple[CorpusRow, ...]
    left_out: Mapping[str, int]
    manifest: Mapping[str, Any]

    @property
    def label(self) -> str:
        """For people: a named corpus by its name, an implicit one by its cell."""
        return self.cell.label if self.cell is not None and self.name.startswith(self.cell.slug) else self.name

    @property
    def slug(self) -> str:
        """The name as a file's: `dose/1` is `dose_1`."""
        return self.name.replace("/", "_")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which members of a cell count: questions whose key is not above `up_to`, the first `samples` replies to each,
    sampled as one of `samplings` (cell_member.sampling). None: all of them."""

    up_to: str | None = None
    samples: int | None = None
    samplings: tuple[str, ...] | None = None

    def params(self) -> dict[str, Any]:
        """As the SQL takes it."""
        samplings = None if self.samplings is None else list(self.samplings)
        return {"up_to": self.up_to, "samples": self.samples, "samplings": samplings}


def implicit_corpus(
    store: Store,
    cell: Cell,
    *,
    n_questions: int | None = None,
    any_verdict: bool = False,
    rationale: RationaleKind = "visible",
    record: bool = True,
    asked: Asked | None = None,
) -> Corpus:
    """The corpus of one cell: rationales judged correct, training split, minus leaks; recorded in the store unless
    `record` is False. `asked`: of a part of its members.

    `n_questions` keeps the first so many kept questions in the order of their keys, which is random and the same for
    every cell of a data set. `any_verdict` takes wrong and unparsed rationales too. `rationale` says what of a reply is
    one: its visible answer, or the reasoning trace with the answer after it. ConfigError when nothing is left.
    """
    with store.read() as con:
        rows = con.execute(
            (SQL / "cell_fates.sql").read_text(),
            {"cell": cell.key, "any_verdict": any_verdict, "reasoned": rationale == "reasoning"}
            | (asked or Asked()).params(),
        ).fetchall()
    fates: Counter[str] = Counter()
    taken: list[CorpusRow] = []
    questions: set[str] = set()
    axes = (cell.dataset, cell.teacher, cell.recipe.level, cell.recipe.format, cell.recipe.gold_visible)
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
        prompt = question_text(question)
        taken.append(CorpusRow(question_key, rationale_key, prompt, completion, "train", *axes))
    left_out = {fate: n for fate, n in sorted(fates.items()) if fate != "kept"}
    if not taken:
        raise nothing_left(cell, left_out)
    corpus = Corpus(
        corpus_hash=keys.corpus_hash([(r.prompt, r.completion, r.split) for r in taken]),
        name=implicit_name(cell, rationale),
        cell=cell,
        rows=tuple(taken),
        left_out=left_out,
        manifest=implicit_manifest(
            cell,
            n_questions=len(questions),
            n_rows=len(taken),
            left_out=left_out,
            any_verdict=any_verdict,
            rationale=rationale,
        ),
    )
    if record:
        _record(store, corpus, cell)
    return corpus


def implicit_name(cell: Cell, rationale: RationaleKind) -> str:
    """What the corpus of a cell is called."""
    return cell.slug + ("_reasoning" if rationale == "reasoning" else "")


def implicit_manifest(
    cell: Cell,
    *,
    n_questions: int,
    n_rows: int,
    left_out: Mapping[str, int],
    any_verdict: bool,
    rationale: RationaleKind,
) -> dict[str, Any]:
    """How the corpus of a cell came about."""
    return {
        "rule": "any verdict" if any_verdict else "judged correct",
        "rationale": rationale,
        "cell": cell.row(),
        "n_questions": n_questions,
        "n_rows": n_rows,
        "left_out": left_out,
        "parser_version": REASONED_VERSION if rationale == "reasoning" else PARSER_VERSION,
        "rule_version": RULE_VERSION,
    }


def nothing_left(cell: Cell, left_out: Mapping[str, int]) -> ConfigError:
    """The error of a cell of which nothing can be trained on, with the reasons."""
    reasons = ", ".join(f"{n} {fate}" for fate, n in left_out.items()) or "it has no members"
    return ConfigError(
        f"no rationale of ({cell.label}) can be trained on: {reasons}. "
        f"Next: cotdistill questions load --dataset {cell.dataset}, then cotdistill status"
    )


def load_corpus(store: Store, name_or_hash: str) -> Corpus:
    """A recorded corpus by its name (the newest of that name), its hash, or the first 8 or more digits of its hash.

    ConfigError: no such corpus (naming those there are), or a family of several (naming them).
    """
    found = load_corpora(store, [name_or_hash])
    if len(found) > 1:
        raise ConfigError(
            f"{name_or_hash} is {len(found)} corpora: {', '.join(c.name for c in found)}. "
            f"Next: cotdistill corpus show {name_or_hash}"
        )
    return found[0]


def load_corpora(store: Store, names: Sequence[str]) -> list[Corpus]:
    """The corpora of these names or hashes, in order; a family's name is all of its corpora. ConfigError as above."""
    with store.read() as con:
        return [_load(con, known) for known in find_corpora(store, names)]


@dataclass(frozen=True, slots=True)
class Found:
    """A recorded corpus without its rows. `manifest` is JSON."""

    corpus_hash: str
    name: str
    manifest: str


def find_corpora(store: Store, names: Sequence[str]) -> list[Found]:
    """What these names and hashes mean, each corpus once, in order. ConfigError as load_corpus."""
    with store.read() as con:
        return list(dict.fromkeys(known for name in names for known in _find(con, name)))


def _find(con: duckdb.DuckDBPyConnection, name: str) -> list[Found]:
    rows = con.execute((SQL / "corpora_by_name.sql").read_text(), {"name": name}).fetchall()
    if not rows:
        there = [row[0] for row in con.execute("SELECT name FROM corpus_name_now ORDER BY name").fetchall()]
        shown = f"It has: {', '.join(there[:12])}{' ...' if len(there) > 12 else ''}" if there else "It has none yet"
        raise ConfigError(f"no corpus {name!r} in this store. {shown}. Next: cotdistill corpus create {name} --help")
    return [Found(*row) for row in rows]


def _load(con: duckdb.DuckDBPyConnection, found: Found) -> Corpus:
    loaded = con.execute((SQL / "corpus_rows.sql").read_text(), {"corpus": found.corpus_hash}).fetchall()
    prompts: dict[str, str] = {}
    rows = []
    cells: set[tuple[Any, ...]] = set()
    for key, rationale, split, completion, is_own, text, choices, kind, gold, *cell in loaded:
        dataset, teacher, level, format, gold_visible, _ = cell
        if key not in prompts:
            prompts[key] = question_text(Question(dataset, "train", text, kind, gold, tuple(choices)))
        rows.append(
            CorpusRow(key, rationale, prompts[key], completion, split, dataset, teacher, level, format, gold_visible)
        )
        cells.add((*cell, is_own))
    manifested = json.loads(found.manifest)
    only = None
    if len(cells) == 1:
        dataset, teacher, level, format, visible, version, is_own = cells.pop()
        only = Cell(dataset, teacher, Recipe(level, format, visible, version)) if is_own else None
    return Corpus(found.corpus_hash, found.name, only, tuple(rows), manifested.get("left_out", {}), manifested)


def _record(store: Store, corpus: Corpus, cell: Cell) -> None:
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
                    "cell_key": cell.key,
                    "n_rows": len(corpus.rows),
                    "manifest": as_json(corpus.manifest),
                    "created_at": utc_now(),
                }
            ],
        )
        store.insert(con, "corpus_member", members)
