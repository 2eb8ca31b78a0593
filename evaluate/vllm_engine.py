"""The engine `vllm`: one base loaded once, which answers for itself and for every LoRA adapter of it.

All prompts of all data sets run in one continuous batch with a shared prefix cache. They go in as tokens of our own
making, so that no template of vLLM's and no tokenizer setting of its can differ from training. On a CPU it runs in this
process, in float32, on the threads that OMP_NUM_THREADS gives.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from ..tasks import templates
from .decoding import Decoder
from .engine import Asked, Generated

NAME = "vllm"
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM takes as max_lora_rank
_ADAPTERS_AT_ONCE = 8
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
                **loading(path, dtype, adapters, limit=self.limit, tensor_parallel=tensor_parallel, gpu=gpu)
            )
        except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(f"vLLM cannot serve {path}: {first}. Next: --engine transformers") from error
        self.template = templates.resolve(template, self.tokenizer)
        self.stops = templates.stop_ids(self.tokenizer, self.template)
        self.adapters = {path: LoRARequest(f"adapter-{i}", i, str(path)) for i, path in enumerate(adapters, 1)}

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer `prompts` by the base."""
        yield from self.answer([Asked(prompt, decoder) for prompt in prompts])

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Answer everything at once; answers come as they are finished. EvaluationError: an adapter that was not named
        when the engine was loaded, or one that vLLM cannot put on this base."""
        engine = self.model.llm_engine
        encoded = [templates.encode(self.tokenizer, one.prompt) for one in asked]
        too_long = [i for i, ids in enumerate(encoded) if len(ids) >= self.limit]
        if too_long:
            yield [Generated(i, "", len(encoded[i]), 0, "prompt_too_long") for i in too_long]
        try:
            for i in sorted(set(range(len(asked))).difference(too_long), key=lambda i: -len(encoded[i])):
                room = min(asked[i].decoder.max_new_tokens, self.limit - len(encoded[i]))
                engine.add_request(
                    str(i),
                    {"prompt_token_ids": encoded[i]},
                    self._params(asked[i].decoder, room),
                    lora_request=self._lora(asked[i].adapter),
                )
            while engine.has_unfinished_requests():
                done = [output for output in engine.step() if output.finished]
                if done:
                    yield [self._generated(int(out.request_id.partition("-")[0]), out, encoded) for out in done]
        except (ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(f"vLLM stopped: {first}. Next: --engine transformers") from error

    def _generated(self, index: int, output: Any, encoded: Sequence[list[int]]) -> Generated:
        if list(output.prompt_token_ids) != encoded[index]:
            raise EvaluationError(f"vLLM read other tokens than prompt {index} has. Next: --engine transformers")
        (best,) = output.outputs
        tokens = list(best.token_ids)
        ended = bool(tokens) and tokens[-1] in self.stops
        tokens = tokens[:-1] if ended else tokens
        text = str(self.tokenizer.decode(tokens, skip_special_tokens=True))
        return Generated(index, text, len(encoded[index]), len(tokens), "stop" if ended else "length")

    def _params(self, decoder: Decoder, room: int) -> Any:
        from vllm import SamplingParams

        if decoder.mode != "greedy":
            raise EvaluationError(f"engine vllm does not decode {decoder.mode!r}. Next: --engine transformers")
        return SamplingParams(temperature=0.0, max_tokens=room, stop_token_ids=self.stops, detokenize=False)

    def _lora(self, adapter: Path | None) -> Any:
        if adapter is None:
            return None
        if adapter not in self.adapters:
            raise EvaluationError(f"adapter {adapter} was not loaded with its base. Next: evaluate it again")
        return self.adapters[adapter]


def loading(
    path: Path, dtype: str, adapters: Sequence[Path], *, limit: int, tensor_parallel: int, gpu: bool
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

    config = AutoConfig.from_pretrained(path).get_text_config()
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "seq_length", None)
    if most is None:  # no positions to run out of (BLOOM)
        return need or 2048
    return min(int(most), need or int(most))
