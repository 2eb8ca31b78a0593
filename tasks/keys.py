"""Content keys: every identity in the store is a hash of what the row is, written down here and nowhere else.

A key is 32 hexadecimal digits: BLAKE2b-128 of the canonical JSON (sorted keys, no spaces, UTF-8) of a labelled list.
What is left out of a key may change without buying, training or generating anything again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(label: str, *parts: Any) -> str:
    """Hash JSON-serialisable `parts` under `label`: 32 hex digits."""
    return hashlib.blake2b(_CANONICAL.encode([label, *parts]).encode(), digest_size=16).hexdigest()


def question_key(dataset: str, normalised_text: str, normalised_choices: Sequence[str]) -> str:
    """One question: data set, normalised text, normalised choices. Gold and split are columns, not identity."""
    return digest("question", dataset, normalised_text, list(normalised_choices))


def text_key(normalised_text: str) -> str:
    """The question's words alone, across data sets and choices: what the leak guard compares."""
    return digest("text", normalised_text)


def cell_key(
    dataset: str, teacher: str, level: int | None, format: str | None, gold_visible: str, prompt_version: str
) -> str:
    """One (data set, teacher, recipe) of the design."""
    return digest("cell", dataset, teacher, level, format, gold_visible, prompt_version)


def reply_key(
    question: str,
    messages: Sequence[Mapping[str, str]],
    teacher: str,
    model: str,
    *,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    reasoning_effort: str | None = None,
    sample_index: int = 0,
    redo: int = 0,
) -> str:
    """One answer to buy. Outside it: max_tokens, base URL, transport, limits, concurrency, parsing."""
    sampling = [temperature, top_p, seed, reasoning_effort, sample_index, redo]
    return digest("reply", question, [dict(m) for m in messages], teacher, model, *sampling)


def imported_reply_key(source: str, file: str, row: int) -> str:
    """One row of an imported file; `row` counts from 0."""
    return digest("import", source, file, row)


def rationale_key(reply: str, parser_version: str) -> str:
    """One parse of one reply."""
    return digest("rationale", reply, parser_version)


def gold_key(gold: str | None) -> str:
    """The gold answer a verdict was made against."""
    return digest("gold", gold)


def corpus_hash(members: Iterable[Sequence[str]]) -> str:
    """A corpus is its rows in order: (prompt text, completion text, split) each. One row in memory at a time."""
    outer = hashlib.blake2b(b'["corpus",[', digest_size=16)
    comma = b""
    for row in members:
        outer.update(comma + json.dumps(list(row), separators=(",", ":"), ensure_ascii=False).encode())
        comma = b","
    outer.update(b"]]")
    return outer.hexdigest()


def run_key(base_hash: str, corpus: str, profile: Mapping[str, Any], seed: int, trainer: str) -> str:
    """One training. `profile` is resolved and without logging options; library versions are recorded, not hashed."""
    return digest("run", base_hash, corpus, dict(profile), seed, trainer)


def evaluation_key(
    weights_hash: str, dataset: str, split: str, decoder: Mapping[str, Any], engine: str, dtype: str, template: str
) -> str:
    """One model on one data set's split with one decoder, by one engine."""
    return digest("evaluation", weights_hash, dataset, split, dict(decoder), engine, dtype, template)


def prediction_key(
    weights_hash: str,
    question: str,
    prompt: str,
    decoder: Mapping[str, Any],
    sample_index: int,
    engine: str,
    dtype: str,
) -> str:
    """One generated answer; `weights_hash` includes the adapter, `prompt` is the rendered text."""
    return digest("prediction", weights_hash, question, prompt, dict(decoder), sample_index, engine, dtype)


def files_hash(paths: Sequence[Path]) -> str:
    """Hash of file names and contents, in the order of names: the identity of a model directory."""
    outer = hashlib.blake2b(digest_size=16)
    for path in sorted(paths, key=lambda p: p.name):
        inner = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                inner.update(block)
        outer.update(f"{path.name}:{inner.hexdigest()}\n".encode())
    return outer.hexdigest()
