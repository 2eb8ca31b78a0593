"""Control arms: what a student learns when the reasoning is gone, another's, or only longer.

answer-only   "The answer is 5": the final answer alone (the baseline of arXiv 2502.18001).
shuffled      the reasoning of another question of the same data set, then the own final answer: form without content.
padded        the own reasoning, filler, then the own final answer, as many tokens as the same question's rationale at
              another level: length without steps (the padding control of arXiv 2502.18001).

Filler is made of FILLER's sentences, which say nothing about any question, in a seeded order. It stands before the
announcement of the answer, and comes within one token of the length that is wanted; tokens are realised_tokens.
"""

import random
import re
from collections.abc import Sequence

import polars as pl

from ..tasks.realised import announcement_start, count_tokens
from .corpus_rows import ORDER, drawn, with_drawn

FILLER = (
    "Let us go on from here with care.",
    "It helps to take one thing after the other.",
    "We keep in mind what was asked.",
    "This is worth a moment of thought.",
    "Nothing needs to be rushed at this point.",
    "All of this fits together well so far.",
    "We stay with the question as it was put.",
    "Now we look at it calmly.",
    "That is how such questions go.",
    "So we carry on.",
    "Good.",
)
_ANNOUNCING = re.compile(
    r"(?:\b(?:so|thus|hence|therefore)\b[,:]?\s+)?\b(?:(?:the|our|my)\s+)?(?:(?:final|correct)\s+)?answers?\s*(?:is\b|:)",
    re.IGNORECASE,
)
_LENGTHS = tuple(count_tokens(sentence) for sentence in FILLER)


def closing_of(text: str) -> tuple[str, str]:
    """(reasoning, final announcement) of a rationale; the announcement is empty where its end announces nothing.

    The announcement begins at its own words, not at its sentence: teachers also write "9 / 9 = 1 The answer is 1".
    """
    start = announcement_start(text)
    words = list(_ANNOUNCING.finditer(text, start))
    if words:
        start = words[-1].start()
    return text[:start].rstrip(), text[start:].strip()


def final_answer(text: str, answer: str | None) -> str | None:
    """The own final announcement; where there is none, one made of the extracted `answer`; None without either."""
    return closing_of(text)[1] or (None if answer is None else f"The answer is {answer}")


def answer_only(answer: str | None) -> str | None:
    """The final answer alone."""
    return None if answer is None else f"The answer is {answer}"


def shuffled(own: str, donor: str, answer: str | None) -> str | None:
    """The donor's reasoning before the own final answer; None where either is missing."""
    reasoning, ending = closing_of(donor)[0], final_answer(own, answer)
    if not reasoning or ending is None:
        return None
    gap = "\n" if "\n" in reasoning else " "
    return reasoning + gap + ending


def padded(own: str, n_tokens: int, seed: str) -> str:
    """`own` with filler before its final announcement, `n_tokens` long or one less; unchanged where it is as long."""
    reasoning, ending = closing_of(own)
    missing = n_tokens - count_tokens(own)
    sentences = filler(missing, seed)
    if not sentences:
        return own
    gap = "\n" if "\n" in reasoning else " "
    return gap.join(part for part in (reasoning, " ".join(sentences), ending) if part)


def filler(n_tokens: int, seed: str) -> list[str]:
    """Sentences of `n_tokens` tokens together, or one less: drawn at random while any fits, the shortest two tokens."""
    rng = random.Random(seed)
    sentences: list[str] = []
    last = -1
    while True:
        fitting = [i for i, length in enumerate(_LENGTHS) if length <= n_tokens and i != last]
        if not fitting:
            # The sentence said last may still be the only one that fits.
            fitting = [i for i, length in enumerate(_LENGTHS) if length <= n_tokens]
            if not fitting:
                return sentences
        last = rng.choice(fitting)
        sentences.append(FILLER[last])
        n_tokens -= _LENGTHS[last]


def donors(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`rows` with a column donor_rationale_key: a rationale of another question of the same data set and split.

    The questions of a data set stand in a seeded ring and each takes from the next; its i-th row takes the i-th of that
    question's, counted round. NULL where a data set has one question.
    """
    ringed = with_drawn(rows, seed, "shuffled").sort("drawn", *ORDER)
    group = ["dataset", "split"]
    questions = (
        ringed.group_by([*group, "question_key"], maintain_order=True)
        .agg(theirs=pl.col("rationale_key"))
        .with_columns(
            theirs=pl.col("theirs").shift(-1).over(group).fill_null(pl.col("theirs").first().over(group)),
            n_questions=pl.len().over(group),
        )
    )
    joined = ringed.join(questions, on=[*group, "question_key"], how="left", maintain_order="left").with_columns(
        place=pl.int_range(pl.len()).over("question_key")
    )
    picked = pl.col("theirs").list.get(pl.col("place") % pl.col("theirs").list.len())
    return (
        joined.with_columns(donor_rationale_key=pl.when(pl.col("n_questions") > 1).then(picked))
        .drop("drawn", "theirs", "n_questions", "place")
        .sort(*ORDER)
    )


def target_lengths(rows: pl.DataFrame, longer: pl.DataFrame) -> pl.DataFrame:
    """`rows` with a column target_tokens: the realised tokens of the same question in `longer`, its first row's; NULL
    where it is not there."""
    first = longer.sort(*ORDER).unique("question_key", keep="first", maintain_order=True)
    wanted = first.select("question_key", target_tokens="realised_tokens")
    return rows.join(wanted, on="question_key", how="left", maintain_order="left")


def filler_seed(seed: int, question_keys: Sequence[str]) -> list[str]:
    """The seed of each question's filler."""
    return [str(number) for number in drawn(seed, "padded", question_keys)]
