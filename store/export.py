"""SFT export: recorded corpora as files that other trainers read, with a data card. The formats are in formats.py.

A folder holds the data files, LLaMA-Factory's dataset_info.json, manifest.json (what each file is and where its rows
came from) and README.md (the card, rendered from the manifest). A later export adds to it: entries of other corpora and
formats stay. Everything appears at once when all of it is written (staging.py).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from ..errors import ConfigError, Error
from .card import card
from .export_rows import Recorded, batches, describe, splits
from .formats import ALIASES, FORMATS, TARGETS, SftFormat
from .staging import Staging, staging
from .store import Store

MANIFEST, CARD, LISTING = "manifest.json", "README.md", "dataset_info.json"
WRITTEN_BY = "cotdistill export"
_UNFIT = re.compile(r'[<>:"\\|?*\x00-\x20]+')
_LONGEST_STEM = 150  # bytes; with what comes before and behind it, no file name is longer than 255


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file: which split of which corpus, in which format; `key` is what readers call it (formats.py)."""

    corpus: str
    corpus_hash: str
    format: str
    split: str
    key: str
    path: Path
    n_rows: int
    n_bytes: int


def formats_of(words: Sequence[str]) -> list[SftFormat]:
    """The formats called so, each once. ConfigError: one is unknown, or none is named."""
    for word in words:
        if word not in TARGETS:
            raise ConfigError(f"unknown export format {word!r}. Known: {', '.join(TARGETS)}. Next: --to {TARGETS[0]}")
    if not words:
        raise ConfigError(f"no export format is named. Known: {', '.join(TARGETS)}. Next: --to {TARGETS[0]}")
    return [FORMATS[name] for name in dict.fromkeys(ALIASES.get(word, word) for word in words)]


def export(store: Store, corpora: Sequence[Recorded], folder: Path, targets: Sequence[str]) -> list[Exported]:
    """Write every corpus to `folder` in every format of `targets`, all or nothing.

    ConfigError: an unknown format, or a folder that cannot be used (a file, not ours to write to, a manifest.json,
    README.md or dataset_info.json there that export cannot add to). Error: the disk is full.
    """
    formats = formats_of(targets)
    with staging(folder) as files:
        manifest, listing = _manifest(folder), _listing(folder)
        done: list[Exported] = []
        with store.read() as con:
            for stem, corpus in _stems(corpora).items():
                written = [one for format in formats for one in _write(con, files, manifest, stem, corpus, format)]
                manifest["corpora"][stem] = {"name": corpus.name} | describe(con, corpus)
                done += written
        stale = _forget_stale(manifest, listing, {one.path.name for one in done})
        for one in done:
            if entry := FORMATS[one.format].listing:
                listing[one.key] = {"file_name": one.path.name} | dict(entry)
        if listing or (folder / LISTING).exists():
            files.write(LISTING, lambda file: file.write(_json(listing)))
        files.write(MANIFEST, lambda file: file.write(_json(manifest)))
        files.write(CARD, lambda file: file.write(card(manifest).encode()))
        files.commit()
        for name in stale:
            (folder / name).unlink(missing_ok=True)
    return done


def _write(
    con: duckdb.DuckDBPyConnection,
    files: Staging,
    manifest: dict[str, Any],
    stem: str,
    corpus: Recorded,
    format: SftFormat,
) -> Iterator[Exported]:
    """Write the files of one corpus in one format and put them into the manifest."""
    for split, n_rows in splits(con, corpus.corpus_hash).items():
        name = format.file(stem, split)
        held = manifest["files"].get(name, {"corpus": stem})
        if held["corpus"] != stem or name in (MANIFEST, LISTING):
            raise ConfigError(
                f"{files.folder / name} of corpus {corpus.name} is {held['corpus']}'s file already, or export's own. "
                f"Next: name another folder with --out DIR, or give the corpus another name"
            )
        rows = batches(con, corpus.corpus_hash, split, format.columns)
        try:
            written = files.write(name, lambda file, rows=rows: format.write(rows, file))  # type: ignore[misc]
        except duckdb.Error as error:
            raise Error(f"corpus {corpus.name} cannot be read ({error}). Next: cotdistill status") from error
        manifest["files"][name] = {
            "corpus": stem,
            "corpus_hash": corpus.corpus_hash,
            "format": format.name,
            "split": split,
            "n_rows": n_rows,
            "n_bytes": written.n_bytes,
            "sha256": written.sha256,
        }
        yield Exported(
            corpus=corpus.name,
            corpus_hash=corpus.corpus_hash,
            format=format.name,
            split=split,
            key=format.key(stem, split),
            path=files.folder / name,
            n_rows=n_rows,
            n_bytes=written.n_bytes,
        )


def _stems(corpora: Sequence[Recorded]) -> dict[str, Recorded]:
    """File names without extension. Two corpora of one name (cells that differ in what a name does not show) get their
    hash behind it."""

    def plain(corpus: Recorded) -> str:
        fit = _UNFIT.sub("-", corpus.name.replace("/", "_")).encode()[:_LONGEST_STEM]
        return fit.decode(errors="ignore").lstrip(".-") or "corpus"

    often = Counter(stem for stem, _ in {(plain(c), c.corpus_hash) for c in corpora})
    return {plain(c) + (f"_{c.corpus_hash[:8]}" if often[plain(c)] > 1 else ""): c for c in corpora}


def _forget_stale(manifest: dict[str, Any], listing: dict[str, Any], fresh: set[str]) -> list[str]:
    """Drop what the manifest and the listing say of files that are gone, and of those that hold an earlier corpus of a
    name written now. Returns the latter, which the new manifest replaces."""
    stale = []
    for name, entry in list(manifest["files"].items()):
        now = manifest["corpora"].get(entry["corpus"], {}).get("corpus_hash")
        if name in fresh or (entry["corpus_hash"] == now and entry.get("there", True)):
            continue
        del manifest["files"][name]
        listing.pop(FORMATS[entry["format"]].key(entry["corpus"], entry["split"]), None)
        stale.append(name)
    held = {entry["corpus"] for entry in manifest["files"].values()}
    manifest["corpora"] = {stem: about for stem, about in manifest["corpora"].items() if stem in held}
    for entry in manifest["files"].values():
        entry.pop("there", None)
    return stale


def _manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest, or a new one. ConfigError: README.md or manifest.json there is somebody else's."""
    path = folder / MANIFEST
    if not path.exists():
        if (folder / CARD).exists():
            raise ConfigError(
                f"{folder / CARD} was not written by export, which would replace it. Next: name another --out DIR"
            )
        found: dict[str, Any] = {"corpora": {}, "files": {}}
    else:
        found = _object(path)
        if found.get("written_by") != WRITTEN_BY:
            raise ConfigError(f"{path} was not written by export, which would replace it. Next: name another --out DIR")
    for name, entry in found["files"].items():
        entry["there"] = (folder / name).exists()
    return {"written_by": WRITTEN_BY, "version": metadata.version("cotdistill")} | {
        part: found[part] for part in ("corpora", "files")
    }


def _listing(folder: Path) -> dict[str, Any]:
    path = folder / LISTING
    return _object(path) if path.exists() else {}


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not JSON ({error}). Next: move it away, or name another --out DIR") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is not a JSON object. Next: move it away, or name another --out DIR")
    return found


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n").encode()
