"""The engine `vllm`: one base loaded once, which answers for itself and for every LoRA adapter of it.

All prompts of all data sets run in one continuous batch with a shared prefix cache. They go in as tokens of our own
making, so that no template of vLLM's and no tokenizer setting of its can differ from training. On a CPU it runs in this
process, in float32, on the threads that OMP_NUM_THREADS gives.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from ..tasks import templates
from .batching import context_of
from .decoding import Decoder
from .engine import Asked, Generated

NAME = "vllm"
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM takes as max_lora_rank
_ADAPTERS_AT_ONCE = 8
_BEAM_PROMPTS = 32  # prompts of one beam search: answers are received in such portions
_CPU = {
    # One process instead of three: vLLM's own start takes 16 s instead of 64.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # By default every process binds itself to the same core.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
}
_ALWAYS = {"VLLM_HOST_IP": "127.0.0.1", "VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1"}


class VllmEngine:
    """A base model directory and its adapters. `need`: the longest prompt and answer together, in tokens."""

    name = NAME

    def __init__(
        self,
        path: Path,
        *,
        template: str,
        dtype: str = "float32",
        adapters: Sequence[Path] = (),
        tensor_parallel: int = 1,
        need: int | None = None,
        beams: int = 1,
    ) -> None:
        """Load. EvaluationError when vLLM cannot be imported, or does not take the model or its adapters."""
        import torch

        self.dtype = dtype
        gpu = torch.cuda.is_available()
        for name, value in {**_ALWAYS, **({} if gpu or tensor_parallel > 1 else _CPU)}.items():
            os.environ.setdefault(name, value)
        try:
            import vllm
            from transformers import AutoTokenizer
            from vllm.lora.request import LoRARequest
        except ImportError as error:
            raise EvaluationError(f"vLLM cannot be imported ({error}). Next: just setup vllm-cpu") from error
        self.version = str(vllm.__version__)
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(path)
            self.limit = context(path, need)
            self.model: Any = vllm.LLM(
                **loading(
                    path, dtype, adapters, limit=self.limit, tensor_parallel=tensor_parallel, gpu=gpu, beams=beams
                )
            )
        except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(f"vLLM cannot serve {path}: {first}. Next: --engine transformers") from error
        self.template = templates.resolve(template, self.tokenizer)
        self.stops = templates.stop_ids(self.tokenizer, self.template)
        self.adapters = {path: LoRARequest(f"adapter-{i}", i, str(path)) for i, path in enumerate(adapters, 1)}

    @property
    def settings(self) -> Mapping[str, Any]:
        """How many answers are written at once, in how many tokens a step, and what they share."""
        config = self.model.llm_engine.vllm_config
        return {
            "device": str(config.device_config.device_type),
            "batch_rows": config.scheduler_config.max_num_seqs,
            "batch_tokens": config.scheduler_config.max_num_batched_tokens,
            "context": self.limit,
            "prefix_caching": bool(config.cache_config.enable_prefix_caching),
            "tensor_parallel": config.parallel_config.tensor_parallel_size,
            "adapters": len(self.adapters),
        }

    def render(self, question_text: str, exemplars: Sequence[tuple[str, str]] = ()) -> str:
        """The prompt by the student's template."""
        return self.template.few_shot(exemplars, question_text)

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer rendered prompts by the base."""
        yield from self.answer([Asked(prompt, decoder) for prompt in prompts])

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Answer everything at once; answers come as they are finished. EvaluationError: an adapter that was not named
        when the engine was loaded, or one that vLLM cannot put on this base."""
        encoded = [templates.encode(self.tokenizer, one.prompt) for one in asked]
        too_long = [i for i, ids in enumerate(encoded) if len(ids) >= self.limit]
        if too_long:
            yield [Generated(i, "", len(encoded[i]), 0, "prompt_too_long") for i in too_long]
        left = sorted(set(range(len(asked))).difference(too_long), key=lambda i: -len(encoded[i]))
        try:
            yield from self._stream([i for i in left if asked[i].decoder.mode != "beam"], asked, encoded)
            yield from self._beams([i for i in left if asked[i].decoder.mode == "beam"], asked, encoded)
        except (ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(f"vLLM stopped: {first}. Next: --engine transformers") from error

    def _stream(
        self, chosen: Sequence[int], asked: Sequence[Asked], encoded: Sequence[list[int]]
    ) -> Iterator[list[Generated]]:
        """Greedy answers and samples, in one continuous batch."""
        engine = self.model.llm_engine
        for i in chosen:
            engine.add_request(
                str(i),
                {"prompt_token_ids": encoded[i]},
                self._params(asked[i], self._room(asked[i], encoded[i])),
                lora_request=self._lora(asked[i].adapter),
            )
        while engine.has_unfinished_requests():
            done = [output for output in engine.step() if output.finished]
            if done:
                yield [self._of(int(out.request_id.partition("-")[0]), out, asked, encoded) for out in done]

    def _beams(
        self, chosen: Sequence[int], asked: Sequence[Asked], encoded: Sequence[list[int]]
    ) -> Iterator[list[Generated]]:
        """vLLM's own beam search, for prompts of one decoder, adapter and room at a time. It knows one end mark, the
        tokenizer's; here that is the template's, which the student was trained to write."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for i in chosen:
            key = (asked[i].decoder, asked[i].adapter, self._room(asked[i], encoded[i]))
            groups.setdefault(key, []).append(i)
        for (decoder, adapter, room), members in groups.items():
            for start in range(0, len(members), _BEAM_PROMPTS):
                part = members[start : start + _BEAM_PROMPTS]
                with self._ending(self.model.renderer.get_tokenizer()):
                    found = self.model.beam_search(
                        [{"prompt_token_ids": encoded[i]} for i in part],
                        self._beam_params(decoder, room),
                        lora_request=self._lora(adapter),
                    )
                yield [
                    self._generated(i, _best(one.sequences, len(encoded[i])), decoder, encoded[i])
                    for i, one in zip(part, found, strict=True)
                ]

    @contextlib.contextmanager
    def _ending(self, tokenizer: Any) -> Iterator[None]:
        """While the block runs, the tokenizer's end of sequence is the template's end mark."""
        marks = templates.encode(self.tokenizer, self.template.end)
        before = tokenizer.eos_token_id
        if len(marks) == 1 and marks[0] != before:
            tokenizer.eos_token_id = marks[0]
        try:
            yield
        finally:
            if tokenizer.eos_token_id != before:
                tokenizer.eos_token_id = before

    def _room(self, asked: Asked, encoded: Sequence[int]) -> int:
        return min(asked.decoder.max_new_tokens, self.limit - len(encoded))

    def _of(self, index: int, output: Any, asked: Sequence[Asked], encoded: Sequence[list[int]]) -> Generated:
        if list(output.prompt_token_ids) != encoded[index]:
            raise EvaluationError(f"vLLM read other tokens than prompt {index} has. Next: --engine transformers")
        (best,) = output.outputs
        return self._generated(index, list(best.token_ids), asked[index].decoder, encoded[index])

    def _generated(self, index: int, tokens: list[int], decoder: Decoder, encoded: Sequence[int]) -> Generated:
        ended = bool(tokens) and tokens[-1] in self.stops
        tokens = tokens[:-1] if ended else tokens
        text, stopped = decoder.cut(str(self.tokenizer.decode(tokens, skip_special_tokens=True)))
        return Generated(index, text, len(encoded), len(tokens), "stop" if ended or stopped else "length")

    def _params(self, asked: Asked, room: int) -> Any:
        from vllm import SamplingParams

        decoder = asked.decoder
        drawn = decoder.mode == "sample"
        return SamplingParams(
            temperature=decoder.temperature if drawn else 0.0,
            top_p=decoder.top_p if drawn else 1.0,
            seed=decoder.seed_of(asked.prompt, asked.sample_index) if drawn else None,
            max_tokens=room,
            stop_token_ids=self.stops,
            stop=list(decoder.stop) or None,
            detokenize=bool(decoder.stop),
        )

    @staticmethod
    def _beam_params(decoder: Decoder, room: int) -> Any:
        from vllm.sampling_params import BeamSearchParams

        return BeamSearchParams(beam_width=decoder.beams, max_tokens=room, temperature=0.0)

    def _lora(self, adapter: Path | None) -> Any:
        if adapter is None:
            return None
        if adapter not in self.adapters:
            raise EvaluationError(f"adapter {adapter} was not loaded with its base. Next: evaluate it again")
        return self.adapters[adapter]


def _best(beams: Sequence[Any], n_prompt: int) -> list[int]:
    """The tokens of the beam that is likeliest per token it wrote, as transformers ranks them. vLLM ranks by likelihood
    over the length with the prompt, which prefers short answers: 5 of 20 were others than transformers'."""
    best = max(beams, key=lambda beam: beam.cum_logprob / max(1, len(beam.tokens) - n_prompt))
    return list(best.tokens[n_prompt:])


def loading(
    path: Path,
    dtype: str,
    adapters: Sequence[Path],
    *,
    limit: int,
    tensor_parallel: int,
    gpu: bool,
    beams: int = 1,
) -> dict[str, Any]:
    """The arguments of vllm.LLM. The model's own generation defaults (sampling, penalties) are left out: a greedy
    evaluation is greedy."""
    lora = {
        "enable_lora": True,
        "max_lora_rank": lora_rank(adapters),
        # On a CPU vLLM (0.32) reads "no adapter" as the last slot and answers the base's prompts with what lies there:
        # one slot more than adapters keeps it empty (vllm-project/vllm pull 48421).
        "max_loras": min(len(adapters), _ADAPTERS_AT_ONCE) if gpu else len(adapters) + 1,
        "max_cpu_loras": len(adapters) + 1,
    }
    return {
        "model": str(path),
        "dtype": dtype,
        "max_model_len": limit,
        "enforce_eager": not gpu,
        "enable_prefix_caching": True,
        "generation_config": "vllm",
        "tensor_parallel_size": tensor_parallel,
        **({"max_logprobs": 2 * beams} if beams > 10 else {}),  # 20 by default, and beam search asks for two a beam
        **(lora if adapters else {}),
    }


def lora_rank(adapters: Sequence[Path]) -> int:
    """The smallest max_lora_rank that fits all `adapters`. ValueError: one is larger than vLLM takes."""
    ranks = [int(json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["r"]) for path in adapters]
    fitting = [rank for rank in _RANKS if rank >= max(ranks, default=0)]
    if not fitting:
        raise ValueError(f"an adapter has rank {max(ranks)}; vLLM takes up to {_RANKS[-1]}")
    return fitting[0]


def context(path: Path, need: int | None) -> int:
    """How many tokens the engine is to hold for one prompt and its answer: the model's context, or `need` if less."""
    from transformers import AutoConfig

    most = context_of(AutoConfig.from_pretrained(path).get_text_config())
    if most is None:  # no positions to run out of (BLOOM)
        return need or 2048
    return min(most, need or most)
