"""The engine that runs anywhere: transformers, left-padded batches sorted by length, with a key-value cache."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import EvaluationError
from ..tasks import templates
from .batching import Row, batches, cache_bytes_per_token, context_of
from .decoding import Decoder
from .engine import Asked, Generated

NAME = "transformers"
# Answers at a time: small models lose their time between operations, large ones lose memory to long answers.
_ROWS_SMALL, _ROWS_LARGE, _ROWS_GPU = 128, 16, 256
_SMALL_PARAMETERS = 20_000_000
_CACHE_BYTES_CPU = 2 << 30
_CACHE_SHARE_GPU = 0.5  # of what is free once the model is loaded


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
        config = self.model.config.get_text_config()
        self.limit = context_of(config) or 2**31
        n_parameters = sum(p.numel() for p in self.model.parameters())
        on_cpu = _ROWS_SMALL if n_parameters < _SMALL_PARAMETERS else _ROWS_LARGE
        self.most_rows = on_cpu if self.device == "cpu" else _ROWS_GPU
        room = _CACHE_BYTES_CPU
        if self.device != "cpu":
            room = int(_CACHE_SHARE_GPU * torch.cuda.mem_get_info()[0])
        self.most_tokens = room // cache_bytes_per_token(config, 4 if dtype == "float32" else 2)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Device and batches."""
        return {"device": self.device, "batch_rows": self.most_rows, "batch_tokens": self.most_tokens}

    def render(self, question_text: str, exemplars: Sequence[tuple[str, str]] = ()) -> str:
        """The prompt by the student's template."""
        return self.template.few_shot(exemplars, question_text)

    def generate(self, prompts: Sequence[str], decoder: Decoder) -> Iterator[list[Generated]]:
        """Answer rendered prompts with one decoder."""
        yield from self.answer([Asked(prompt, decoder) for prompt in prompts])

    def answer(self, asked: Sequence[Asked]) -> Iterator[list[Generated]]:
        """Answer decoder by decoder, the longest prompts first. The engine has one model: `adapter` was put on it."""
        encoded = [templates.encode(self.tokenizer, one.prompt) for one in asked]
        too_long = [i for i, ids in enumerate(encoded) if len(ids) >= self.limit]
        if too_long:
            yield [Generated(i, "", len(encoded[i]), 0, "prompt_too_long") for i in too_long]
        left = set(range(len(asked))).difference(too_long)
        for decoder in dict.fromkeys(one.decoder for one in asked):
            width = decoder.beams or 1
            rows = [
                Row(i, len(encoded[i]), min(decoder.max_new_tokens, self.limit - len(encoded[i])))
                for i in sorted(left)
                if asked[i].decoder == decoder
            ]
            for batch in batches(
                rows, most_rows=max(1, self.most_rows // width), most_tokens=self.most_tokens // width
            ):
                answers = self._generate([(encoded[row.index], asked[row.index]) for row in batch], batch[0].room)
                yield [
                    self._generated(row, tokens, reason, decoder)
                    for row, (tokens, reason) in zip(batch, answers, strict=True)
                ]

    def _generate(self, rows: Sequence[tuple[list[int], Asked]], room: int) -> list[tuple[list[int], str]]:
        """(tokens before the end mark, why it ended) of each row; all rows have one decoder."""
        import torch
        from transformers import GenerationConfig

        decoder = rows[0][1].decoder
        width = max(len(ids) for ids, _ in rows)
        padded = [[self.pad] * (width - len(ids)) + ids for ids, _ in rows]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids, _ in rows]
        # The model's own defaults (sampling, penalties) must not leak into an evaluation.
        self.model.generation_config = GenerationConfig(
            max_new_tokens=room,
            do_sample=False,
            num_beams=decoder.beams or 1,
            use_cache=True,
            pad_token_id=self.pad,
            eos_token_id=self.stops,
        )
        more: dict[str, Any] = {}
        if decoder.mode == "sample":
            from .sampling import Draw

            assert decoder.temperature is not None and decoder.top_p is not None
            seeds = [decoder.seed_of(one.prompt, one.sample_index) for _, one in rows]
            more["logits_processor"] = [Draw(decoder.temperature, decoder.top_p, seeds, self.device)]
        if decoder.stop and decoder.mode != "beam":  # a beam is cut when it is finished
            from .sampling import StopAt

            more["stopping_criteria"] = [StopAt(self.tokenizer, width, decoder.stop)]
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=torch.tensor(padded, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                **more,
            )
        return [self._ended(row, decoder) for row in out[:, width:].tolist()]

    def _ended(self, tokens: list[int], decoder: Decoder) -> tuple[list[int], str]:
        """(tokens before the first end mark, why it ended)."""
        for i, token in enumerate(tokens):
            if token in self.stops:
                return tokens[:i], "stop"
        while decoder.stop and tokens and tokens[-1] == self.pad:  # a row that a stop string ended is filled up
            tokens = tokens[:-1]
        return tokens, "length"

    def _generated(self, row: Row, tokens: list[int], reason: str, decoder: Decoder) -> Generated:
        text = str(self.tokenizer.decode(tokens, skip_special_tokens=True))
        text, stopped = decoder.cut(text)
        return Generated(row.index, text, row.n_prompt, len(tokens), "stop" if stopped else reason)
