"""How a student is decoded: part of every prediction's identity, and shown beside every score."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from ..errors import ConfigError

MODES = ("greedy", "beam", "sample", "served")
PAPER_BEAMS = 5
PAPER = "paper"
# arXiv 2502.18001, appendix: at most 1024 new tokens for mathematics and 640 for commonsense.
_MATHEMATICS, _COMMONSENSE = 1024, 640
_PAPER_LIMITS = {
    **dict.fromkeys(("svamp", "gsm8k", "aqua", "math", "math-4s", "math500"), _MATHEMATICS),
    **dict.fromkeys(("commonsenseqa", "openbookqa", "strategyqa"), _COMMONSENSE),
    # Not in the paper: built in; the built-in teacher's longest rationales have 193 tokens of `tiny`'s (level 6).
    "arith": 256,
}


@dataclass(frozen=True, slots=True)
class Decoder:
    """One way to write an answer, at most `max_new_tokens` of the student's own tokens, ended early by its end mark or
    by a text in `stop` (which is not part of the answer).

    greedy: the likeliest token, always. beam: beam search of width `beams`, the best beam is the answer. sample: drawn
    at `temperature` from the likeliest tokens that make up `top_p`; every sample has a seed of its own, made of `seed`,
    the prompt and the sample's number, so that a sample does not depend on what is asked beside it. served: as an
    endpoint samples when it is told nothing, for models that refuse a temperature."""

    mode: Literal["greedy", "beam", "sample", "served"] = "greedy"
    max_new_tokens: int = 256
    beams: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"unknown decoding mode {self.mode!r}. Known: {', '.join(MODES)}. Next: --decode greedy")
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}. Next: --max-new-tokens 256")
        if any(not text for text in self.stop):
            raise ConfigError('a stop string is empty: every answer would be. Next: --stop "TEXT", or leave it out')
        if (self.mode == "beam") != (self.beams is not None) or (self.beams is not None and self.beams < 2):
            raise ConfigError(f"mode {self.mode} with beams {self.beams}. Next: --decode beam --beams {PAPER_BEAMS}")
        drawn = (self.temperature, self.top_p, self.seed)
        if self.mode != "sample" and any(value is not None for value in drawn):
            raise ConfigError(
                f"temperature, top_p and seed are for samples, not for mode {self.mode}. Next: --decode sample"
            )
        if self.mode == "sample":
            if self.temperature is None or not 0.0 < self.temperature <= 100.0:
                raise ConfigError(
                    f"samples need a temperature above 0, not {self.temperature}. "
                    f"Next: --temperature 0.7, or --decode greedy"
                )
            if self.top_p is None or not 0.0 < self.top_p <= 1.0:
                raise ConfigError(f"top_p is {self.top_p}, not above 0 and at most 1. Next: --top-p 0.95")
            if self.seed is None or not 0 <= self.seed < 2**63:
                raise ConfigError(f"samples need a seed from 0 to 2^63 - 1, not {self.seed}. Next: --seed 1")

    def as_json(self) -> dict[str, Any]:
        """As it goes into keys and the store: what is set. How many samples are drawn is not in it: more can be
        added."""
        named = {name: getattr(self, name) for name in ("beams", "temperature", "top_p", "seed")}
        stop = {"stop": list(self.stop)} if self.stop else {}
        set_ = {name: value for name, value in named.items() if value is not None}
        return {"mode": self.mode, "max_new_tokens": self.max_new_tokens} | set_ | stop

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The decoder that `as_json` wrote."""
        return cls(**{**fields, "stop": tuple(fields.get("stop", ()))})

    def seed_of(self, prompt: str, sample_index: int) -> int:
        """The seed of one sample of one prompt: 63 bits."""
        text = f"{self.seed}\n{sample_index}\n{prompt}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1

    def cut(self, text: str) -> tuple[str, bool]:
        """(the answer before the first stop text in it, whether there is one)."""
        places = [place for place in (text.find(stop) for stop in self.stop) if place >= 0]
        return (text[: min(places)], True) if places else (text, False)


def token_limit(asked: str, dataset: str, kinds: Sequence[str]) -> int:
    """The most new tokens of an answer. `asked`: a number, or "paper": the paper's limit for the data set, or for its
    answer `kinds` where it is not in the paper (mathematics for numbers and formulas). ConfigError: neither."""
    if asked == PAPER:
        mathematics = any(kind in ("number", "latex") for kind in kinds)
        return _PAPER_LIMITS.get(dataset, _MATHEMATICS if mathematics else _COMMONSENSE)
    if not asked.isdecimal() or int(asked) < 1:
        raise ConfigError(f"--max-new-tokens {asked!r} is neither a number above 0 nor `paper`. Next: leave it out")
    return int(asked)
