"""Rows on their way into a corpus: a polars frame without texts, and what each rule leaves out of it.

A frame of rows has, in the order of a corpus: cell_key, question_key, sample_index, reply_key, rationale_key, verdict,
answer, the counts realised_tokens, realised_steps and completion_tokens, and its cell's dataset, teacher, level,
format, gold_visible and prompt_version. Later rules add arm, split, part. A frame of what was left
out has LEFT_OUT's columns.
"""

import hashlib
from collections.abc import Callable, Iterable

import polars as pl

ORDER = ("question_key", "sample_index", "reply_key", "cell_key")
LEFT_OUT: dict[str, pl.DataType | type[pl.DataType]] = {
    "arm": pl.String,
    "cell_key": pl.String,
    "question_key": pl.String,
    "sample_index": pl.Int32,
    "reply_key": pl.String,
    "rule": pl.String,
    "detail": pl.String,
    "match_question_key": pl.String,
    "match_reply_key": pl.String,
    "similarity": pl.Float64,
}


class Selection:
    """The rows still chosen, and all that was left out, rule by rule."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        self.left_out: list[pl.DataFrame] = []

    def drop(self, rows: pl.DataFrame, rule: str | None = None) -> None:
        """Write `rows` down as left out, by `rule` or by their own column; the chosen are set by who decides."""
        if not rows.height:
            return
        if rule is not None:
            rows = rows.with_columns(rule=pl.lit(rule))
        missing = [pl.lit(None, kind).alias(name) for name, kind in LEFT_OUT.items() if name not in rows.columns]
        self.left_out.append(rows.with_columns(missing).select(pl.col(n).cast(k) for n, k in LEFT_OUT.items()))

    def keep(self, wanted: pl.Expr, rule: str) -> None:
        """Keep the rows for which `wanted` holds; the others are left out by `rule`."""
        marked = self.rows.with_columns(wanted=wanted.fill_null(False))
        self.drop(marked.filter(~pl.col("wanted")), rule)
        self.rows = marked.filter("wanted").drop("wanted")

    def keep_unless(self, found: pl.DataFrame, on: str | list[str]) -> None:
        """Leave out the rows whose `on` is in `found`, which has columns of LEFT_OUT beside it."""
        if found.height:
            self.drop(self.rows.join(found, on=on, how="inner", maintain_order="left"))
            self.rows = self.rows.join(found, on=on, how="anti", maintain_order="left")

    def into_one(self) -> None:
        """Forget the arms: all rows, and all that was left out, are of one corpus."""
        no_arm = pl.lit(None, pl.String).alias("arm")
        self.rows = self.rows.with_columns(no_arm)
        self.left_out = [rows.with_columns(no_arm) for rows in self.left_out]

    def all_left_out(self) -> pl.DataFrame:
        """Everything that was left out so far."""
        found = pl.concat(self.left_out) if self.left_out else pl.DataFrame(schema=LEFT_OUT)
        return found.with_columns(pl.col("arm").fill_null(""))


def drawn(seed: int, purpose: str, keys: Iterable[str]) -> list[int]:
    """A number of 63 bits for each key: by seed and purpose alone, on every machine and in every order."""
    start = hashlib.blake2b(f"{purpose}:{seed}:".encode(), digest_size=8)
    numbers = []
    for key in keys:
        one = start.copy()
        one.update(key.encode())
        numbers.append(int.from_bytes(one.digest(), "big") >> 1)
    return numbers


def with_drawn(rows: pl.DataFrame, seed: int, purpose: str, on: str = "question_key") -> pl.DataFrame:
    """`rows` with a column `drawn`: the number of each row's `on`."""
    unique = rows[on].unique().sort()
    numbers = pl.DataFrame(
        {on: unique, "drawn": drawn(seed, purpose, unique.to_list())}, schema_overrides={"drawn": pl.Int64}
    )
    return rows.join(numbers, on=on, how="left", maintain_order="left")


def quotas(n: int, shares: Iterable[float]) -> list[int]:
    """n things in parts of these shares (weights): whole numbers that add up to n, by largest remainder, the first of
    equals."""
    weights = list(shares)
    exact = [n * weight / sum(weights) for weight in weights]
    parts = [int(x) for x in exact]
    by_remainder: Callable[[int], tuple[float, int]] = lambda i: (parts[i] - exact[i], i)  # noqa: E731
    for i in sorted(range(len(weights)), key=by_remainder)[: n - sum(parts)]:
        parts[i] += 1
    return parts
