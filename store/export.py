"""SFT export: a corpus as files that other trainers read. Each file appears whole or not at all.

| target | file | read by |
| --- | --- | --- |
| llamafactory | NAME.json (Alpaca) and dataset_info.json | LLaMA-Factory |
| chat | NAME.jsonl, `messages` | TRL, OpenAI fine-tuning, Axolotl |
| prompt-completion | NAME.jsonl, `prompt` and `completion` | TRL |
| parquet | NAME.parquet, every column | polars, DuckDB, datasets |
"""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from ..errors import ConfigError
from .corpora import Corpus

TARGETS = ("llamafactory", "chat", "prompt-completion", "parquet")


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file."""

    corpus: str
    path: Path
    n_rows: int


def export(corpora: Sequence[Corpus], folder: Path, target: str) -> list[Exported]:
    """Write every corpus to `folder` for `target`. ConfigError: unknown target, or `folder` is no folder."""
    if target not in TARGETS:
        raise ConfigError(f"unknown export target {target!r}. Known: {', '.join(TARGETS)}")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Next: name a folder with --out DIR")
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for corpus in corpora:
        frame = as_frame(corpus)
        path = folder / (corpus.slug + {"llamafactory": ".json", "parquet": ".parquet"}.get(target, ".jsonl"))
        _atomically(path, _writer(frame, target))
        done.append(Exported(corpus.name, path, frame.height))
    if target == "llamafactory":
        _write_dataset_info(folder, [e.path for e in done])
    return done


def as_frame(corpus: Corpus) -> pl.DataFrame:
    """A corpus as a frame, one row per supervised pair: prompt, completion, keys, split and its cell's
    columns."""
    frame = pl.DataFrame(
        {
            "prompt": [r.prompt for r in corpus.rows],
            "completion": [r.completion for r in corpus.rows],
            "split": [r.split for r in corpus.rows],
            "question_key": [r.question_key for r in corpus.rows],
            "rationale_key": [r.rationale_key for r in corpus.rows],
            "dataset": [r.dataset for r in corpus.rows],
            "teacher": [r.teacher for r in corpus.rows],
            "level": [r.level for r in corpus.rows],
            "format": [r.format for r in corpus.rows],
            "gold_visible": [r.gold_visible for r in corpus.rows],
        },
        schema_overrides={"level": pl.Int64, "format": pl.String},
    )
    return frame.with_columns(pl.lit(corpus.corpus_hash).alias("corpus_hash"))


def _writer(frame: pl.DataFrame, target: str) -> Callable[[IO[bytes]], object]:
    if target == "parquet":
        return lambda file: frame.write_parquet(file)
    if target == "prompt-completion":
        return frame.select("prompt", "completion").write_ndjson
    if target == "chat":
        message = [
            pl.struct(pl.lit(role).alias("role"), pl.col(column).alias("content"))
            for role, column in (("user", "prompt"), ("assistant", "completion"))
        ]
        return frame.select(pl.concat_list(message).alias("messages")).write_ndjson
    alpaca = frame.select(
        pl.col("prompt").alias("instruction"), pl.lit("").alias("input"), pl.col("completion").alias("output")
    )
    return lambda file: file.write(alpaca.write_json().encode())


def _atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write beside `path`, sync, and rename over it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_dataset_info(folder: Path, paths: Sequence[Path]) -> None:
    """Add the files to the folder's dataset_info.json, as LLaMA-Factory reads it; other entries stay."""
    path = folder / "dataset_info.json"
    info: dict[str, Any] = {}
    if path.exists():
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{path} is not JSON ({error}). Next: move it away, or name another --out DIR") from error
    for file in paths:
        info[file.stem] = {
            "file_name": file.name,
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        }
    text = json.dumps(info, indent=2, ensure_ascii=False) + "\n"
    _atomically(path, lambda file: file.write(text.encode()))
