"""Which runs are wanted, under which keys, and which students the store itself says are to be trained."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import environments
from ..errors import ConfigError, MissingExtra
from ..store.corpora import Corpus
from ..store.store import Store
from ..tasks import keys
from . import llamafactory, students
from .profiles import Profile
from .students import Student
from .worker import TRAINERS

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Order:
    """A student to be trained on every corpus with every seed, as `profile` says, by `trainer`."""

    student: Student
    profile: Profile
    seeds: Sequence[int]
    trainer: str = "trl"

    @property
    def template(self) -> str:
        """What it is trained with: the profile's, or the student's own."""
        return self.student.template if self.profile.template == "auto" else self.profile.template

    def run_key(self, base_hash: str, corpus_hash: str, seed: int) -> str:
        """The identity of one of its runs (keys.run_key)."""
        identity = {**self.profile.identity(), "template": self.template}
        return keys.run_key(base_hash, corpus_hash, identity, seed, self.trainer)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run that is wanted, under its key."""

    key: str
    order: Order
    base_dir: Path
    base_hash: str
    template: str
    corpus: Corpus
    seed: int

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.order.student.name} on {self.corpus.label}, seed {self.seed}"


def check(order: Order, n_cards: int) -> environments.Environment | None:
    """The environment that `order`'s trainer needs (None: this one). ConfigError: unknown trainer or not installed,
    or a profile it cannot follow; MissingExtra: torch or trl is not installed."""
    trainer, profile = order.trainer, order.profile
    if trainer not in TRAINERS:
        raise ConfigError(f"unknown trainer {trainer!r}. Known: {', '.join(TRAINERS)}. Next: --trainer trl")
    for library in ("torch", "trl", "peft"):
        if importlib.util.find_spec(library) is None:
            raise MissingExtra(library, "cpu")
    if trainer == "trl" and profile.method == "lora" and profile.lora.base_bits == 4:
        raise ConfigError(f"lora.base_bits = 4 is not for trainer {trainer}. Next: --trainer unsloth")
    if trainer == "llamafactory":
        llamafactory.check(profile, n_cards)
    return environments.require(trainer) if trainer in environments.DISTRIBUTIONS else None


def wanted_of(order: Order, corpora: Sequence[Corpus]) -> list[Wanted]:
    """Every corpus with every seed, corpora outermost."""
    base_dir = students.locate(order.student)
    base_hash = students.base_hash(base_dir)
    return [
        Wanted(
            key=order.run_key(base_hash, corpus.corpus_hash, seed),
            order=order,
            base_dir=base_dir,
            base_hash=base_hash,
            template=order.template,
            corpus=corpus,
            seed=seed,
        )
        for corpus in corpora
        for seed in order.seeds
    ]


def orders_of(store: Store, skip: Callable[[str], object]) -> list[Order]:
    """What the store's own runs say is wanted: every student that was ever trained, as its newest run was, with every
    seed that any of its runs had. Empty: nothing was trained yet.

    A student that is not to be had any more is left out, and `skip` told why. ConfigError: none is left.
    """
    with store.read() as con:
        rows: list[Any] = con.execute((SQL / "wanted.sql").read_text(encoding="utf-8")).fetchall()
    found, lost = [], []
    for name, base_dir, profile, trainer, seeds in rows:
        try:
            student = _student(name, base_dir)
        except ConfigError as error:
            lost.append(f"student {name}, trained before: {error}")
            continue
        found.append(Order(student, Profile.model_validate(json.loads(profile)), seeds, trainer))
    if lost and not found:
        raise ConfigError(lost[0])
    for reason in lost:
        skip(reason)
    return found


def _student(name: str, base_dir: str) -> Student:
    """A student as the store knows it: by its name where that is one, else by its directory. ConfigError: neither is
    there."""
    try:
        student = students.resolve_student(name)
    except ConfigError:
        student = students.resolve_student(base_dir)
    students.locate(student)
    return student
