"""What an evaluation asks: the questions, the exemplars before them, and what every model has answered already."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from ..errors import ConfigError
from ..store.spool import utc_now
from ..store.store import Store, as_json
from ..tasks import keys
from ..tasks.render import gold_text, question_text
from ..tasks.values import Question
from .decoding import Decoder
from .models import SQL, Model
from .worker import Part

Pair = tuple[str, str]
Item = tuple[str, int]  # question_key, sample_index
ALL = 2**62


@dataclass(frozen=True, slots=True)
class Shots:
    """`n` solved questions of the training split before every question, drawn by `seed`; answered by the gold answer
    alone, or by what `teacher` wrote and was judged correct."""

    n: int
    seed: int = 1
    teacher: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """How data sets are asked: `limit` questions of `split` (None: all), of those that fulfil the SQL condition `where`
    on the table question, `samples` answers each. `instructions`: by answer kind, the text that is asked instead of the
    question alone, with a field {question}, for models that were not trained to announce an answer; `instructed` names
    it in every label."""

    decoder: Decoder | Mapping[str, Decoder] = field(default_factory=Decoder)
    split: str = "test"
    limit: int | None = None
    where: str | None = None
    samples: int = 1
    shots: Shots | None = None
    instructions: Mapping[str, str] = field(default_factory=dict)
    instructed: str | None = None

    def __post_init__(self) -> None:
        decoders = [self.decoder] if isinstance(self.decoder, Decoder) else list(self.decoder.values())
        if self.samples < 1:
            raise ConfigError(f"{self.samples} samples are nothing to evaluate. Next: --samples 1")
        drawn = ("sample", "served")
        if self.samples > 1 and any(decoder.mode not in drawn for decoder in decoders):
            raise ConfigError(
                f"{self.samples} samples of one question are the same answer by {decoders[0].mode} decoding. "
                f"Next: --decode sample --temperature 0.7"
            )
        if self.shots is not None and self.shots.n < 1:
            raise ConfigError(f"{self.shots.n} shots are none. Next: leave out --shots")

    @property
    def label(self) -> str:
        """The split as every score names it; a subset is another thing than its whole."""
        return self.split if self.where is None else f"{self.split} where {' '.join(self.where.split())}"

    def decoder_for(self, dataset: str) -> Decoder:
        """The decoder of one data set."""
        return self.decoder if isinstance(self.decoder, Decoder) else self.decoder[dataset]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One data set, ready to be asked. `wanted`: question_key -> the question as text; `setting`: the decoder and all
    else that a score is labelled with."""

    dataset: str
    wanted: Mapping[str, str]
    decoder: Decoder
    setting: Mapping[str, Any]
    exemplars: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One evaluation: a model on a data set."""

    key: str
    model: Model
    sheet: Sheet
    samples: int
    engine: str
    dtype: str

    @property
    def items(self) -> set[Item]:
        """Every answer that it wants."""
        return {(key, i) for key in self.sheet.wanted for i in range(self.samples)}

    def part(self, have: set[Item]) -> Part:
        """What is missing, as a worker is told."""
        questions = [
            (key, text, i)
            for key, text in self.sheet.wanted.items()
            for i in range(self.samples)
            if (key, i) not in have
        ]
        return Part(
            evaluation_key=self.key,
            weights_hash=self.model.weights_hash,
            adapter=str(self.model.adapter.resolve()) if self.model.adapter else None,
            decoder=self.sheet.decoder.as_json(),
            questions=questions,
            exemplars=self.sheet.exemplars,
        )


def sheet(store: Store, dataset: str, asking: Asking) -> Sheet:
    """The questions of one data set. ConfigError: there are none, or too few training questions for the shots."""
    questions = _questions(store, dataset, asking)
    decoder = asking.decoder_for(dataset)
    setting = decoder.as_json()
    if asking.instructed:
        setting["instruction"] = asking.instructed
    exemplars = _exemplars(store, dataset, asking, [q.key for q in questions]) if asking.shots else ()
    if asking.shots:
        drawn = {"shots": asking.shots.n, "shots_seed": asking.shots.seed, "shots_from": asking.shots.teacher or "gold"}
        setting |= drawn | {"shots_hash": keys.digest("shots", exemplars)[:8]}
    wanted = {question.key: _text(question, asking) for question in questions}
    return Sheet(dataset, wanted, decoder, setting, exemplars)


def task(model: Model, of: Sheet, asking: Asking, engine: str, dtype: str) -> Task:
    """One model's evaluation on one sheet. ConfigError: it is to answer as a server samples, and no server has it."""
    if of.decoder.mode == "served" and model.endpoint is None:
        raise ConfigError(
            f"--decode served is how an endpoint samples by itself, and {model.student} has none: it is decoded here. "
            f"Next: --decode sample, or --decode greedy"
        )
    key = keys.evaluation_key(model.weights_hash, of.dataset, asking.label, of.setting, engine, dtype, model.template)
    return Task(key, model, of, asking.samples, engine, dtype)


def record(store: Store, tasks: Sequence[Task], split: str, versions: Mapping[str, str]) -> None:
    """Write the evaluations down before anything is asked, and take over what other subsets of the same questions
    hold."""
    rows = [
        {
            "evaluation_key": task.key,
            "run_key": task.model.run_key,
            "student": task.model.student,
            "weights_hash": task.model.weights_hash,
            "dataset": task.sheet.dataset,
            "split": split,
            "decoder": as_json(task.sheet.setting),
            "engine": task.engine,
            "engine_version": versions[task.engine],
            "dtype": task.dtype,
            "template": task.model.template,
            "what": task.model.what,
            "created_at": utc_now(),
        }
        for task in tasks
    ]
    shared = (SQL / "shared.sql").read_text()
    with store.write() as con:
        store.insert(con, "evaluation", rows)
        for one in tasks:
            con.execute(
                f"INSERT OR IGNORE INTO prediction BY NAME ({shared})",
                {"evaluation": one.key, "questions": list(one.sheet.wanted), "samples": one.samples},
            )


def answered(store: Store, evaluations: Sequence[str]) -> dict[str, set[Item]]:
    """What each evaluation has an answer to."""
    with store.read() as con:
        rows = con.execute(
            "SELECT evaluation_key, question_key, sample_index FROM prediction WHERE list_contains(?, evaluation_key)",
            [list(evaluations)],
        ).fetchall()
    found: dict[str, set[Item]] = {}
    for evaluation, question, sample in rows:
        found.setdefault(evaluation, set()).add((question, sample))
    return found


def _questions(store: Store, dataset: str, asking: Asking) -> list[Question]:
    split, params = asking.split, {"dataset": dataset, "split": asking.split}
    with store.read() as con:
        among = None if asking.where is None else _among(con, asking.where, params)
        rows = con.execute(
            (SQL / "questions.sql").read_text(), params | {"among": among, "limit": asking.limit or ALL}
        ).fetchall()
        have = con.execute("SELECT DISTINCT dataset || ' / ' || split FROM question ORDER BY 1").fetchall()
    if not rows and among is not None:
        raise ConfigError(
            f"no question of {dataset} / {split} fulfils {asking.where!r}. Next: cotdistill sql "
            f"\"SELECT subject, difficulty, count(*) FROM question WHERE dataset = '{dataset}' GROUP BY ALL\""
        )
    if not rows:
        raise ConfigError(
            f"{store.path} has no questions of {dataset} / {split}; it has: {', '.join(h for (h,) in have) or 'none'}. "
            f"Next: cotdistill questions load --dataset {dataset}"
        )
    return [Question(dataset, split, text, kind, gold, tuple(choices)) for _, text, choices, kind, gold in rows]


def _among(con: duckdb.DuckDBPyConnection, where: str, params: Mapping[str, str]) -> list[str]:
    """The keys of the split's questions that fulfil the user's own SQL condition (read-only, one expression)."""
    chosen = "SELECT * FROM question WHERE dataset = $dataset AND split = $split"
    try:
        if len(duckdb.extract_statements(f"SELECT 1 WHERE ({where}\n)")) != 1:
            raise ConfigError(f"--where {where!r} is more than one condition. Next: --where \"difficulty = 'Level 5'\"")
        rows = con.execute(f"SELECT question_key FROM ({chosen}) WHERE ({where}\n)", params).fetchall()
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(
            f'--where {where!r} is no condition on questions: {first}. Next: cotdistill sql "DESCRIBE question"'
        ) from error
    return [key for (key,) in rows]


def _text(question: Question, asking: Asking) -> str:
    around = asking.instructions.get(question.kind, "{question}")
    return around.replace("{question}", question_text(question))


def _exemplars(store: Store, dataset: str, asking: Asking, asked: Sequence[str]) -> tuple[Pair, ...]:
    shots = asking.shots
    assert shots is not None
    with store.read() as con:
        rows = con.execute(
            (SQL / "exemplars.sql").read_text(),
            {"dataset": dataset, "teacher": shots.teacher, "asked": list(asked)},
        ).fetchall()
    if len(rows) < shots.n:
        by = f" with a correct rationale by {shots.teacher}" if shots.teacher else ""
        raise ConfigError(
            f"{dataset} has {len(rows)} training questions{by} to show, and {shots.n} are asked for. "
            f"Next: cotdistill questions load --dataset {dataset}, or fewer --shots"
        )
    chosen = random.Random(shots.seed).sample(rows, shots.n)
    pairs = []
    for _, text, choices, kind, gold, rationale in chosen:
        question = Question(dataset, "train", text, kind, gold, tuple(choices))
        pairs.append((_text(question, asking), rationale or gold_text(question) or ""))
    return tuple(pairs)
