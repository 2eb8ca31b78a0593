"""The evaluation worker (`python -m cotdistill.evaluate.worker`): one loaded base per job, answers spooled by batch."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import workers
from ..errors import ConfigError
from ..store.spool import SpoolWriter, utc_now
from ..store.store import as_json
from ..tasks import keys, templates, tokenizer_check
from .decoding import Decoder
from .endpoint_engine import NAME as ENDPOINT
from .endpoint_engine import EndpointEngine
from .engine import Asked, Engine, Generated
from .models import Endpoint
from .transformers_engine import NAME, TransformersEngine
from .vllm_engine import NAME as VLLM
from .vllm_engine import VllmEngine

ENGINES = (NAME, VLLM)
TELL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One model's missing answers on one data set. `adapter`: on the job's base; `questions`: (question_key, question
    as text, sample) each; `exemplars`: (question, answer) each, the same before every question."""

    evaluation_key: str
    weights_hash: str
    adapter: str | None
    decoder: Mapping[str, Any]
    questions: Sequence[tuple[str, str, int]]
    exemplars: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What one loaded engine answers: parts with different adapters only where the engine serves them together (vllm).
    Paths are absolute; `endpoint` instead of a path for a served model."""

    path: str
    template: str
    engine: str
    dtype: str
    tensor_parallel: int
    spool_dir: str
    parts: Sequence[Part]
    endpoint: Mapping[str, Any] | None = None


def do(message: workers.Message, say: workers.Say) -> Mapping[str, Any]:
    """Answer a job's questions. Every batch is received by the spool before the next is begun."""
    parts = [Part(**part) for part in message["parts"]]
    job = Job(**{**message, "parts": parts})
    started = told = time.monotonic()
    owners = [(part, key, sample) for part in job.parts for key, _, sample in part.questions]
    with SpoolWriter(Path(job.spool_dir), "evaluate") as spool:

        def spend(table: str, index: int, row: Mapping[str, Any]) -> None:
            part, question, sample = owners[index]
            key = _prediction_key(engine, part, question, asked[index].prompt, sample)
            spool.append(table, {**row, "reply_key": key})

        engine, asked = load(job, spend)
        if warning := _warning(engine, asked):
            say({"event": "warning", "text": warning})
        loaded_s = time.monotonic() - started
        spool.append_all([("evaluation_session", _session(engine, part)) for part in job.parts])
        done = 0
        for batch in engine.answer(asked):
            spool.append_all([("prediction", _row(engine, *owners[a.index], asked[a.index], a)) for a in batch])
            done += len(batch)
            if time.monotonic() - told > TELL_EVERY_S or done == len(asked):
                told = time.monotonic()
                say({"event": "batch", "done": done, "total": len(asked), "elapsed_s": told - started})
    return {"n": done, "seconds": time.monotonic() - started, "loaded_s": loaded_s}


def load(job: Job, spend: Any = None) -> tuple[Engine, list[Asked]]:
    """(the engine with its model, all prompts of the job's parts). ConfigError: unknown engine; EvaluationError: no
    usable model."""
    if job.engine not in (*ENGINES, ENDPOINT):
        raise ConfigError(f"unknown engine {job.engine!r}. Known: {', '.join(ENGINES)}. Next: --engine {NAME}")
    adapters = list(dict.fromkeys(Path(part.adapter) for part in job.parts if part.adapter))
    path = Path(job.path)
    engine: Engine
    if job.engine == ENDPOINT:
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in (job.endpoint or {}).items()}
        engine = EndpointEngine(Endpoint(**fields), spend)
    elif job.engine == VLLM:
        engine = VllmEngine(
            path,
            template=job.template,
            dtype=job.dtype,
            adapters=adapters,
            tensor_parallel=job.tensor_parallel,
            need=_longest(path, job),
            beams=max((Decoder.of(part.decoder).beams or 1 for part in job.parts), default=1),
        )
    else:
        engine = TransformersEngine(
            path, template=job.template, dtype=job.dtype, adapter=adapters[0] if adapters else None
        )
    return engine, _asked(job, engine.render)


def _asked(job: Job, render: Any) -> list[Asked]:
    return [
        Asked(render(text, part.exemplars), decoder, adapter, sample)
        for part in job.parts
        for decoder, adapter in [(Decoder.of(part.decoder), Path(part.adapter) if part.adapter else None)]
        for _, text, sample in part.questions
    ]


def _longest(path: Path, job: Job) -> int:
    """The most tokens that a prompt and its answer can have together."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    template = templates.resolve(job.template, tokenizer)
    asked = _asked(job, lambda text, exemplars: template.few_shot(exemplars, text))
    return max(len(templates.encode(tokenizer, one.prompt)) + one.decoder.max_new_tokens for one in asked)


def _warning(engine: Engine, asked: Sequence[Asked]) -> str | None:
    tokenizer = getattr(engine, "tokenizer", None)
    if tokenizer is None:
        return None
    read = ((len(templates.encode(tokenizer, one.prompt)), one.prompt) for one in asked)
    return tokenizer_check.warning(tokenizer, read)


def _session(engine: Engine, part: Part) -> dict[str, Any]:
    return {
        "evaluation_key": part.evaluation_key,
        "started_at": utc_now(),
        "engine_version": engine.version,
        "settings": as_json(dict(engine.settings)),
        "n_asked": len(part.questions),
    }


def _prediction_key(engine: Engine, part: Part, question: str, prompt: str, sample: int) -> str:
    return keys.prediction_key(part.weights_hash, question, prompt, part.decoder, sample, engine.name, engine.dtype)


def _row(engine: Engine, part: Part, question: str, sample: int, asked: Asked, answer: Generated) -> dict[str, Any]:
    return {
        "prediction_key": _prediction_key(engine, part, question, asked.prompt, sample),
        "evaluation_key": part.evaluation_key,
        "question_key": question,
        "sample_index": sample,
        "text": answer.text,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "finish_reason": answer.finish_reason,
        "generated_at": utc_now(),
    }


if __name__ == "__main__":
    workers.serve(do)
