"""The evaluation worker (`python -m cotdistill.evaluate.worker`): one loaded base per job, answers spooled by batch."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import workers
from ..errors import ConfigError
from ..store.spool import SpoolWriter, utc_now
from ..tasks import keys, templates, tokenizer_check
from .decoding import Decoder
from .engine import Asked, Engine, Generated
from .transformers_engine import NAME, TransformersEngine
from .vllm_engine import NAME as VLLM
from .vllm_engine import VllmEngine

ENGINES = (NAME, VLLM)
TELL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One model's missing answers on one data set. `adapter`: on the job's base; `questions`: (question_key, question
    as text) each."""

    evaluation_key: str
    weights_hash: str
    adapter: str | None
    decoder: Mapping[str, Any]
    questions: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Job:
    """What one loaded engine answers: parts with different adapters only where the engine serves them together (vllm).
    Paths are absolute."""

    path: str
    template: str
    engine: str
    dtype: str
    tensor_parallel: int
    spool_dir: str
    parts: Sequence[Part]


def do(message: workers.Message, say: workers.Say) -> Mapping[str, Any]:
    """Answer a job's questions. Every batch is received by the spool before the next is begun."""
    parts = [Part(**part) for part in message["parts"]]
    job = Job(**{**message, "parts": parts})
    started = told = time.monotonic()
    engine, asked = load(job)
    read = ((len(templates.encode(engine.tokenizer, one.prompt)), one.prompt) for one in asked)
    if warning := tokenizer_check.warning(engine.tokenizer, read):
        say({"event": "warning", "text": warning})
    owners = [(part, question) for part in job.parts for question, _ in part.questions]
    done = 0
    with SpoolWriter(Path(job.spool_dir), "evaluate") as spool:
        for batch in answers(engine, asked):
            spool.append_all([("prediction", _row(engine, *owners[a.index], asked[a.index], a)) for a in batch])
            done += len(batch)
            if time.monotonic() - told > TELL_EVERY_S or done == len(asked):
                told = time.monotonic()
                say({"event": "batch", "done": done, "total": len(asked), "elapsed_s": told - started})
    return {"n": done, "seconds": time.monotonic() - started}


def load(job: Job) -> tuple[Engine, list[Asked]]:
    """(the engine with its model, all prompts of the job's parts). ConfigError: unknown engine; EvaluationError: no
    usable model."""
    if job.engine not in ENGINES:
        raise ConfigError(f"unknown engine {job.engine!r}. Known: {', '.join(ENGINES)}. Next: --engine {NAME}")
    adapters = list(dict.fromkeys(Path(part.adapter) for part in job.parts if part.adapter))
    path = Path(job.path)
    engine: Engine
    if job.engine == VLLM:
        longest = _longest(path, job)
        engine = VllmEngine(
            path,
            template=job.template,
            dtype=job.dtype,
            adapters=adapters,
            tensor_parallel=job.tensor_parallel,
            need=longest,
        )
    else:
        engine = TransformersEngine(
            path, template=job.template, dtype=job.dtype, adapter=adapters[0] if adapters else None
        )
    return engine, _asked(job, engine.template)


def answers(engine: Engine, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
    """All answers: in one go where the engine serves a base and its adapters together, else decoder by decoder."""
    if isinstance(engine, VllmEngine):
        yield from engine.answer(asked)
        return
    for decoder in dict.fromkeys(one.decoder for one in asked):
        mine = [i for i, one in enumerate(asked) if one.decoder == decoder]
        for batch in engine.generate([asked[i].prompt for i in mine], decoder):
            yield [Generated(mine[a.index], *_rest(a)) for a in batch]


def _rest(answer: Generated) -> tuple[str, int, int, str]:
    return answer.text, answer.prompt_tokens, answer.completion_tokens, answer.finish_reason


def _asked(job: Job, template: templates.StudentTemplate) -> list[Asked]:
    return [
        Asked(template.prompt(text), decoder, adapter)
        for part in job.parts
        for decoder, adapter in [(Decoder(**part.decoder), Path(part.adapter) if part.adapter else None)]
        for _, text in part.questions
    ]


def _longest(path: Path, job: Job) -> int:
    """The most tokens that a prompt and its answer can have together."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    asked = _asked(job, templates.resolve(job.template, tokenizer))
    return max(len(templates.encode(tokenizer, one.prompt)) + one.decoder.max_new_tokens for one in asked)


def _row(engine: Engine, part: Part, question: str, asked: Asked, answer: Generated) -> dict[str, Any]:
    key = keys.prediction_key(part.weights_hash, question, asked.prompt, part.decoder, 0, engine.name, engine.dtype)
    return {
        "prediction_key": key,
        "evaluation_key": part.evaluation_key,
        "question_key": question,
        "sample_index": 0,
        "text": answer.text,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "finish_reason": answer.finish_reason,
        "generated_at": utc_now(),
    }


if __name__ == "__main__":
    workers.serve(do)
