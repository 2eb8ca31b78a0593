"""The engine that runs anywhere: transformers, batched, left-padded, with a key-value cache."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from ..tasks import templates
from .decoding import Decoder
from .engine import Generated

NAME = "transformers"
# Questions at a time: small models lose their time between operations, large ones lose memory to long answers.
_BATCH_SMALL, _BATCH_LARGE, _BATCH_GPU = 128, 16, 64
_SMALL_PARAMETERS = 20_000_000


class TransformersEngine:
    """One causal language model directory; `adapter` is a LoRA adapter put on it."""

    name = NAME

    def __init__(self, path: Path, *, template: str, dtype: str = "float32", adapter: Path | None = None) -> None:
        """Load. EvaluationError when the directory cannot be read as a causal language model."""
        import torch
        import transformers

        self.version, self.dtype = transformers.__version__, dtype
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cpu":
            torch.set_num_threads(1)
            torch.set_flush_denormal(True)
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(adapter or path)
            model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
            if adapter is not None:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(
                f"cannot load the model in {adapter or path}: {first}. Next: train it again"
            ) from error
        self.model: Any = model.to(self.device).eval()
        self.template = templates.resolve(template, self.tokenizer)
        self.stops = templates.stop_ids(self.tokenizer, self.template)
        pad = self.tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else self.stops[0]
        n_parameters = sum(p.numel() for p in self.model.parameters())
        on_cpu = _BATCH_SMALL if n_parameters < _SMALL_PARAMETERS else _BATCH_LARGE
        self.batch = on_cpu if self.device == "cpu" else _BATCH_GPU

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer `prompts`, the longest first: little padding, and memory runs out at once or never."""
        encoded = [templates.encode(self.tokenizer, prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: -len(encoded[i]))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            answers = self._answer([encoded[i] for i in chosen], decoder)
            yield [
                Generated(i, self._text(tokens), len(encoded[i]), len(tokens), reason)
                for i, (tokens, reason) in zip(chosen, answers, strict=True)
            ]

    def _answer(self, rows: list[list[int]], decoder: Decoder) -> list[tuple[list[int], str]]:
        import torch
        from transformers import GenerationConfig

        width = max(map(len, rows))
        ids = torch.tensor([[self.pad] * (width - len(row)) + row for row in rows], device=self.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.device)
        # The model's own defaults (sampling, penalties) must not leak into a greedy evaluation.
        self.model.generation_config = GenerationConfig(
            max_new_tokens=decoder.max_new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            pad_token_id=self.pad,
            eos_token_id=self.stops,
        )
        with torch.inference_mode():
            out = self.model.generate(input_ids=ids, attention_mask=mask)
        return [self._cut(row) for row in out[:, width:].tolist()]

    def _cut(self, tokens: list[int]) -> tuple[list[int], str]:
        """(tokens before the first end mark, why it ended)."""
        for i, token in enumerate(tokens):
            if token in self.stops:
                return tokens[:i], "stop"
        return tokens, "length"

    def _text(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))
