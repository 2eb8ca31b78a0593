"""SFT formats: how one supervised pair (prompt, completion) is written, for which reader, batch by batch.

| format | file | read by |
| --- | --- | --- |
| alpaca (or llamafactory) | NAME.json, listed in dataset_info.json | LLaMA-Factory, Axolotl |
| sharegpt | NAME_sharegpt.json, listed in dataset_info.json | LLaMA-Factory, Axolotl |
| chat | NAME_chat.jsonl, `messages` | TRL, OpenAI fine-tuning, Axolotl |
| prompt-completion | NAME_prompt-completion.jsonl, `prompt` and `completion` | TRL |
| parquet | NAME.parquet, every column | polars, DuckDB, datasets |

The validation split has a file of its own with `_validation` behind the stem.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import polars as pl
from polars.io.plugins import register_io_source

Frames = Iterator[pl.DataFrame]
# What a stored corpus has of every row, in order (store/sql/export_rows.sql, with the prompt rendered).
COLUMNS: dict[str, Any] = {
    "position": pl.Int32,
    "prompt": pl.String,
    "completion": pl.String,
    "split": pl.String,
    "gold": pl.String,
    "verdict": pl.String,
    "realised_steps": pl.Int32,
    "realised_tokens": pl.Int32,
    "dataset": pl.String,
    "teacher": pl.String,
    "level": pl.Int32,
    "format": pl.String,
    "gold_visible": pl.String,
    "question_key": pl.String,
    "rationale_key": pl.String,
    "corpus_hash": pl.String,
}
PAIR = ("prompt", "completion")


@dataclass(frozen=True, slots=True)
class SftFormat:
    """One format. `columns` are what is read of the corpus, `write` writes all batches to an open file, `listing`
    is its entry in dataset_info.json beside the file's name (None: LLaMA-Factory does not read it)."""

    name: str
    extension: str
    columns: tuple[str, ...]
    write: Callable[[Frames, IO[bytes]], None]
    listing: Mapping[str, Any] | None = None

    def key(self, corpus: str, split: str = "train") -> str:
        """A split's key in dataset_info.json; of `train` also the name of the configuration in the card."""
        return corpus + ("" if self.name == "alpaca" else f"_{self.name}") + ("" if split == "train" else f"_{split}")

    def file(self, corpus: str, split: str) -> str:
        """The name of a split's file."""
        if self.name == "parquet":  # its extension says enough
            return corpus + ("" if split == "train" else f"_{split}") + self.extension
        return self.key(corpus, split) + self.extension


def _turns(frame: pl.DataFrame, role: str, content: str, names: tuple[str, str]) -> pl.DataFrame:
    """One column of two turns; a turn is {role: who, content: text} under the reader's own field names."""
    turn = [
        pl.struct(pl.lit(who).alias(role), pl.col(column).alias(content))
        for who, column in zip(names, PAIR, strict=True)
    ]
    return frame.select(pl.concat_list(turn))


def _alpaca(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.col("prompt").alias("instruction"), pl.lit("").alias("input"), pl.col("completion").alias("output")
    )


def _sharegpt(frame: pl.DataFrame) -> pl.DataFrame:
    return _turns(frame, "from", "value", ("human", "gpt")).select(pl.all().alias("conversations"))


def _chat(frame: pl.DataFrame) -> pl.DataFrame:
    return _turns(frame, "role", "content", ("user", "assistant")).select(pl.all().alias("messages"))


def _pair(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(PAIR)


def _as_lines(shape: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Frames, IO[bytes]], None]:
    """JSON lines: an object a line. A line break inside a text is escaped, so a line is a row."""

    def write(frames: Frames, file: IO[bytes]) -> None:
        for frame in frames:
            shape(frame).write_ndjson(file)

    return write


def _as_array(shape: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Frames, IO[bytes]], None]:
    """One JSON array, a row a line: JSON lines with brackets around them and commas between."""

    def write(frames: Frames, file: IO[bytes]) -> None:
        between = b"[\n"
        for frame in frames:
            lines = shape(frame).write_ndjson().encode().rstrip(b"\n")
            file.write(between + lines.replace(b"\n", b",\n"))
            between = b",\n"
        file.write(b"\n]\n")

    return write


def _as_parquet(frames: Frames, file: IO[bytes]) -> None:
    """Parquet by polars' streaming engine, which asks for one batch after the other."""

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Frames:
        yield from frames

    register_io_source(source, schema=COLUMNS).sink_parquet(file, compression="zstd")


FORMATS: dict[str, SftFormat] = {
    f.name: f
    for f in (
        SftFormat(
            "alpaca",
            ".json",
            PAIR,
            _as_array(_alpaca),
            {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
        ),
        SftFormat(
            "sharegpt",
            ".json",
            PAIR,
            _as_array(_sharegpt),
            {
                "formatting": "sharegpt",
                "columns": {"messages": "conversations"},
                "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
            },
        ),
        SftFormat("chat", ".jsonl", PAIR, _as_lines(_chat)),
        SftFormat(
            "prompt-completion",
            ".jsonl",
            PAIR,
            _as_lines(_pair),
        ),
        SftFormat(
            "parquet",
            ".parquet",
            tuple(COLUMNS),
            _as_parquet,
        ),
    )
}
ALIASES = {"llamafactory": "alpaca"}
TARGETS = (*ALIASES, *FORMATS)
