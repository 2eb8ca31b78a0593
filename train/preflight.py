"""What a training is about to learn from, looked at before its first step: which tokens count, and how many are cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tasks import tokenizer_check

IGNORED = -100  # a label that no loss is computed for
N_SAMPLES = 2


@dataclass(frozen=True, slots=True)
class Preflight:
    """One corpus as one student's tokenizer sees it.

    `tokens`: of all rows, after cutting; `supervised_tokens`: those with a loss; `n_cut`: rows longer than max_tokens,
    which lose their end; `longest`: tokens of the longest row; `samples`: rows as (is supervised, text) stretches;
    `tokenizer_warning`: what is wrong with the tokenizer (tasks/tokenizer_check.py).
    """

    n_rows: int
    tokens: int
    supervised_tokens: int
    n_cut: int
    longest: int
    samples: tuple[tuple[tuple[bool, str], ...], ...]
    tokenizer_warning: str | None = None

    @property
    def warning(self) -> str | None:
        """What is wrong with it, in words; None: nothing."""
        cut = (
            f"{self.n_cut:,} of {self.n_rows:,} rows ({100 * self.n_cut / self.n_rows:.1f} %) are longer than "
            f"max_tokens and lose their end, the answer included. Next: a larger --max-tokens"
            if self.n_cut
            else None
        )
        return "; ".join(words for words in (self.tokenizer_warning, cut) if words) or None


def look(rows: Sequence[Mapping[str, Sequence[int]]], n_cut: int, tokenizer: Any) -> Preflight:
    """Look at tokenized rows (`input_ids`, `labels`). Samples are the shortest row and one of middle length."""
    lengths = [len(row["input_ids"]) for row in rows]
    by_length = sorted(range(len(rows)), key=lengths.__getitem__)
    shown = [by_length[i] for i in (0, len(by_length) // 2)][:N_SAMPLES] if rows else []
    return Preflight(
        n_rows=len(rows),
        tokens=sum(lengths),
        supervised_tokens=sum(sum(label != IGNORED for label in row["labels"]) for row in rows),
        n_cut=n_cut,
        longest=max(lengths, default=0),
        samples=tuple(_stretches(rows[i], tokenizer) for i in dict.fromkeys(shown)),
        tokenizer_warning=tokenizer_check.warning(
            tokenizer, ((len(row["input_ids"]), tokenizer.decode(row["input_ids"])) for row in rows)
        ),
    )


def _stretches(row: Mapping[str, Sequence[int]], tokenizer: Any) -> tuple[tuple[bool, str], ...]:
    found: list[tuple[bool, list[int]]] = []
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        supervised = label != IGNORED
        if not found or found[-1][0] != supervised:
            found.append((supervised, []))
        found[-1][1].append(token)
    return tuple((supervised, tokenizer.decode(ids)) for supervised, ids in found)
