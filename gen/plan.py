"""The plan of a harvest: which replies the chosen cells want, which are there already, and what the rest will cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ..errors import ConfigError
from ..store.cells import Cell
from ..store.store import Store
from ..tasks import keys
from ..tasks.realised import count_tokens
from ..tasks.values import Message, Question, Recipe, Sampling
from .prompts import build
from .teachers import Teacher

# Completion tokens to expect per level before any reply of the cell is in the store: an estimate, shown as one. Mean
# word pieces (tasks/realised.py) of the original-format rationales released with arXiv 2502.18001, over all its
# teachers and data sets, n = 17,305 to 42,614 a level.
EXPECTED_TOKENS = {None: 8, 1: 32, 2: 50, 3: 53, 4: 70, 5: 80, 6: 90}


@dataclass(frozen=True, slots=True)
class Call:
    """One reply to buy."""

    reply_key: str
    question_key: str
    messages: tuple[Message, ...]
    sample_index: int


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell of the plan. `usd` is an estimate, None where the teacher's price is unknown."""

    cell: Cell
    n_wanted: int
    n_cached: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None

    @property
    def n_missing(self) -> int:
        return self.n_wanted - self.n_cached


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells, and every call that is still to be made."""

    cells: tuple[CellPlan, ...]
    calls: tuple[Call, ...]


def load_questions(store: Store, dataset: str, split: str, limit: int | None) -> list[Question]:
    """The questions of a split in the order of their keys (random, and the same for every teacher).

    ConfigError when there are none.
    """
    with store.read() as con:
        rows = con.execute(
            "SELECT dataset, split, text, answer_kind, gold, choices, source FROM question "
            "WHERE dataset = ? AND split = ? ORDER BY question_key LIMIT ?",
            [dataset, split, limit if limit is not None else 2**62],
        ).fetchall()
    if not rows:
        raise ConfigError(
            f"the store has no questions of {dataset}, split {split}. "
            f"Next: cotdistill questions load --dataset {dataset} --store {store.path}"
        )
    return [
        Question(d, s, text, kind, gold, tuple(choices), source=source)
        for d, s, text, kind, gold, choices, source in rows
    ]


def make_plan(
    store: Store,
    teacher: Teacher,
    questions: Sequence[Question],
    recipes: Sequence[Recipe],
    sampling: Sampling,
    n_samples: int = 1,
    *,
    record: bool = True,
) -> Plan:
    """Say what every cell is missing, and write its wanted members into the store unless `record` is False.

    Nothing is bought here.
    """
    dataset = questions[0].dataset
    frames: list[pl.DataFrame] = []
    wanted: dict[str, Call] = {}
    cells = [Cell(dataset, teacher.name, recipe) for recipe in recipes]
    question_keys = [q.key for q in questions]
    for cell, recipe in zip(cells, recipes, strict=True):
        members = list(_calls(teacher, questions, question_keys, recipe, sampling, n_samples))
        wanted |= {call.reply_key: call for call in members}
        frames.append(
            pl.DataFrame(
                {
                    "cell_key": [cell.key] * len(members),
                    "question_key": [c.question_key for c in members],
                    "sample_index": [c.sample_index for c in members],
                    "reply_key": [c.reply_key for c in members],
                }
            )
        )
    frame = pl.concat(frames)
    if record:
        with store.write() as con:
            store.insert(con, "cell", [cell.row() for cell in cells])
            store.insert_frame(con, "cell_member", frame)
    with store.read() as con:
        con.register("wanted", frame.select("reply_key"))
        have = {
            row[0] for row in con.execute("SELECT reply_key FROM reply SEMI JOIN wanted USING (reply_key)").fetchall()
        }
        seen = con.execute(
            "SELECT m.cell_key, avg(r.prompt_tokens), avg(r.completion_tokens) FROM cell_member m "
            "JOIN reply r USING (reply_key) WHERE r.completion_tokens IS NOT NULL GROUP BY 1"
        ).fetchall()
        con.unregister("wanted")
    observed = {key: (p, c) for key, p, c in seen if p is not None}
    plans = tuple(
        _price(cell, part["reply_key"].to_list(), have, wanted, observed.get(cell.key), teacher)
        for cell, part in zip(cells, frames, strict=True)
    )
    return Plan(plans, tuple(call for key, call in wanted.items() if key not in have))


def _calls(
    teacher: Teacher,
    questions: Sequence[Question],
    question_keys: Sequence[str],
    recipe: Recipe,
    sampling: Sampling,
    n_samples: int,
) -> Iterator[Call]:
    for question, question_key in zip(questions, question_keys, strict=True):
        messages = build(question, recipe)
        as_dicts = [{"role": m.role, "content": m.content} for m in messages]
        for sample in range(n_samples):
            key = keys.reply_key(
                question_key,
                as_dicts,
                teacher.name,
                teacher.model,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=sampling.seed,
                reasoning_effort=sampling.reasoning_effort,
                sample_index=sample,
            )
            yield Call(key, question_key, messages, sample)


def _price(
    cell: Cell,
    reply_keys: Sequence[str],
    have: set[str],
    calls: dict[str, Call],
    observed: tuple[float, float] | None,
    teacher: Teacher,
) -> CellPlan:
    missing = [key for key in reply_keys if key not in have]
    if observed:
        prompt, completion = observed[0] * len(missing), observed[1] * len(missing)
    else:
        probe = missing[:: max(1, len(missing) // 100)]
        mean = sum(count_tokens(m.content) for key in probe for m in calls[key].messages) / max(1, len(probe))
        prompt, completion = mean * len(missing), float(EXPECTED_TOKENS[cell.recipe.level] * len(missing))
    price = teacher.price
    return CellPlan(
        cell=cell,
        n_wanted=len(reply_keys),
        n_cached=len(reply_keys) - len(missing),
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        usd=price.estimate(prompt, completion) if price else None,
    )
