"""The evaluation worker (`python -m cotdistill.evaluate.worker`): one model per job, answers spooled by batch."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import workers
from ..errors import ConfigError
from ..store.spool import SpoolWriter, utc_now
from ..tasks import keys
from .decoding import Decoder
from .engine import Engine
from .transformers_engine import NAME, TransformersEngine

ENGINES = (NAME,)


@dataclass(frozen=True, slots=True)
class Job:
    """One model's missing answers. `questions`: (question_key, question as text) each. Paths are absolute."""

    evaluation_key: str
    weights_hash: str
    path: str
    adapter: str | None
    template: str
    engine: str
    dtype: str
    decoder: Mapping[str, Any]
    questions: list[tuple[str, str]]
    spool_dir: str


def load(job: Job) -> tuple[Engine, Any]:
    """(the engine with its model, the template). ConfigError: unknown engine; EvaluationError: no usable model."""
    if job.engine not in ENGINES:
        raise ConfigError(f"unknown engine {job.engine!r}. Known: {', '.join(ENGINES)}. Next: --engine {NAME}")
    adapter = Path(job.adapter) if job.adapter else None
    engine = TransformersEngine(Path(job.path), template=job.template, dtype=job.dtype, adapter=adapter)
    return engine, engine.template


def do(message: workers.Message, say: workers.Say) -> Mapping[str, Any]:
    """Answer a job's questions. Every batch is received by the spool before the next is begun."""
    job = Job(**message)
    decoder = Decoder(**job.decoder)
    started = time.monotonic()
    engine, template = load(job)
    prompts = [template.prompt(text) for _, text in job.questions]
    done = 0
    with SpoolWriter(Path(job.spool_dir), "evaluate") as spool:
        for batch in engine.generate(prompts, decoder):
            rows = []
            for answer in batch:
                question = job.questions[answer.index][0]
                key = keys.prediction_key(
                    job.weights_hash, question, prompts[answer.index], job.decoder, 0, engine.name, engine.dtype
                )
                row = {
                    "prediction_key": key,
                    "evaluation_key": job.evaluation_key,
                    "question_key": question,
                    "sample_index": 0,
                    "text": answer.text,
                    "prompt_tokens": answer.prompt_tokens,
                    "completion_tokens": answer.completion_tokens,
                    "finish_reason": answer.finish_reason,
                    "generated_at": utc_now(),
                }
                rows.append(("prediction", row))
            spool.append_all(rows)
            done += len(batch)
            say({"event": "batch", "done": done, "total": len(prompts), "elapsed_s": time.monotonic() - started})
    return {"n": done, "seconds": time.monotonic() - started}


if __name__ == "__main__":
    workers.serve(do)
