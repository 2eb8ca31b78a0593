"""Drawing and stopping in transformers' generate: a seed for every row, stop strings for every row.

transformers draws a batch from one generator, so that a sample depends on what else is in its batch and a resumed
evaluation draws other samples. Here every row has its own: with E exponential, argmax(log p - log E) is a draw from p
(the exponential race), and greedy search takes the argmax.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria, TopPLogitsWarper


class Draw(LogitsProcessor):  # type: ignore[misc]
    """Scores whose argmax is a draw at `temperature` from the `top_p` nucleus, row by row, by the rows' own seeds."""

    def __init__(self, temperature: float, top_p: float, seeds: Sequence[int], device: str) -> None:
        self.temperature = temperature
        self.nucleus = TopPLogitsWarper(top_p) if top_p < 1.0 else None
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """One step: (rows, vocabulary) scores in, the same shape out."""
        scores = scores.float() / self.temperature
        if self.nucleus is not None:
            scores = self.nucleus(input_ids, scores)
        noise = torch.empty_like(scores)
        for row, generator in zip(noise, self.generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.clamp_min(torch.finfo(noise.dtype).tiny).log()


class StopAt(StoppingCriteria):  # type: ignore[misc]
    """A row is finished when one of `stops` is in what it wrote last. `width`: of the prompts, in tokens."""

    def __init__(self, tokenizer: Any, width: int, stops: Sequence[str]) -> None:
        self.tokenizer, self.width, self.stops = tokenizer, width, tuple(stops)
        # A token is at least a byte or nothing: so many of the last tokens hold every stop that the newest one ends.
        self.window = max(len(stop.encode()) for stop in stops) + 8

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Which rows are finished: one boolean each."""
        recent = input_ids[:, max(self.width, input_ids.shape[1] - self.window) :].tolist()
        texts = self.tokenizer.batch_decode(recent, skip_special_tokens=True)
        found = [any(stop in text for stop in self.stops) for text in texts]
        return torch.tensor(found, dtype=torch.bool, device=input_ids.device)
