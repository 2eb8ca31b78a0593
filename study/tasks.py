"""The units of a study's work: plain data that can be pickled and sent to another machine.

A task says everything about itself but the store. Its key is the content hash of what it makes, so that a task done
anywhere is done: a harvest is known by its cells, a training by its run key, an evaluation by model and setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["questions", "harvest", "audit", "corpora", "students", "train", "evaluate"]
Status = Literal["done", "failed", "left"]


@dataclass(frozen=True, slots=True)
class HarvestTask:
    """What one teacher is to be asked about one data set, or one shard of it. `teacher`: its registry entry; `recipes`:
    (level, format, gold_visible, prompt_version) each; `sampling`: the fields of Sampling. `max_usd` is for all that
    the store records."""

    key: str
    label: str
    dataset: str
    teacher: Mapping[str, Any]
    recipes: tuple[tuple[int | None, str | None, str, str], ...]
    sampling: Mapping[str, Any]
    split: str = "train"
    limit: int | None = None
    samples: int = 1
    shard: tuple[int, int] = (0, 1)
    prompts: str | None = None
    concurrency: int = 32
    max_usd: float | None = None


@dataclass(frozen=True, slots=True)
class TrainTask:
    """One run: `student` on the recorded corpus `corpus_hash` with `seed`, by the resolved `profile`. `key` is the run
    key."""

    key: str
    label: str
    student: str
    profile: Mapping[str, Any]
    trainer: str
    seed: int
    corpus_hash: str


@dataclass(frozen=True, slots=True)
class EvaluateTask:
    """One model (`run_key`, None: the untouched student) on one data set. `options`: the fields of
    evaluate.options.Options; `template`: what an untouched student is asked with."""

    key: str
    label: str
    student: str
    run_key: str | None
    dataset: str
    options: Mapping[str, Any]
    engine: str
    dtype: str
    template: str = "auto"


Task = HarvestTask | TrainTask | EvaluateTask


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: done, failed (`error` says why), or left (not begun, or stopped before its end).
    `detail`: what was counted, e.g. replies received and dollars."""

    key: str
    status: Status
    seconds: float
    error: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
