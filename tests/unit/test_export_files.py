"""Exported files: a reader gets back what was chosen, byte for byte; a folder is added to or left as it was."""

import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from export_lab import CELL, HOSTILE, add_replies, fill, read_back, with_validation

from cotdistill.errors import ConfigError, Error
from cotdistill.store import export_rows
from cotdistill.store.cells import Cell
from cotdistill.store.corpora import Corpus, implicit_corpus
from cotdistill.store.export import export
from cotdistill.store.export_rows import Recorded, batches
from cotdistill.store.formats import COLUMNS, FORMATS, TARGETS
from cotdistill.store.questions import add_questions
from cotdistill.store.staging import staging
from cotdistill.store.store import Store
from cotdistill.tasks import keys
from cotdistill.tasks.render import question_text
from cotdistill.tasks.values import Question, Recipe


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Corpus]:
    return fill(tmp_path_factory.mktemp("filled") / "store.duckdb")


@pytest.fixture
def lab(filled: tuple[Store, Corpus], store_path: Path) -> tuple[Store, Corpus]:
    """A store of its own for each test, beside the folder it exports to."""
    store, corpus = filled
    shutil.copyfile(store.path, store_path)
    return Store.open(store_path), corpus


@pytest.mark.parametrize("n_batch", [1, 3, 20_000])
@pytest.mark.parametrize("format", FORMATS)
def test_an_export_read_back_is_the_corpus(
    lab: tuple[Store, Corpus], tmp_path: Path, format: str, n_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, corpus = lab
    monkeypatch.setattr(export_rows, "BATCH", n_batch)
    [done] = export(store, [Recorded.of(corpus)], tmp_path / "out", [format])
    pairs = read_back(done.path, format)
    assert pairs == [(r.prompt, r.completion) for r in corpus.rows]
    assert {completion for _, completion in pairs} == {text.strip() for text in HOSTILE}
    assert keys.corpus_hash([(*pair, "train") for pair in pairs]) == corpus.corpus_hash
    assert done.n_rows == len(HOSTILE)
    assert done.n_bytes == done.path.stat().st_size


def test_splits_are_files_of_their_own_that_make_up_the_corpus(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    chosen = with_validation(store, corpus)
    done = export(store, [chosen], tmp_path, list(FORMATS))
    pairs = [(r.prompt, r.completion) for r in corpus.rows]
    for file in done:
        held_out = file.split == "validation"
        assert read_back(file.path, file.format) == [p for i, p in enumerate(pairs) if (i % 3 == 1) == held_out]
    names = {file.path.name for file in done if file.format in ("alpaca", "parquet")}
    assert names == {"split.json", "split_validation.json", "split.parquet", "split_validation.parquet"}
    listing = json.loads((tmp_path / "dataset_info.json").read_text())
    assert list(listing) == ["split", "split_validation", "split_sharegpt", "split_sharegpt_validation"]
    whole = pl.concat([pl.read_parquet(f.path) for f in done if f.format == "parquet"]).sort("position")
    assert whole.schema == pl.Schema(COLUMNS)
    assert whole.select("prompt", "completion").rows() == pairs


def test_prompts_are_those_of_the_one_renderer(lab: tuple[Store, Corpus]) -> None:
    store, corpus = lab
    with store.read() as con:
        found = con.execute("SELECT question_key, dataset, split, text, answer_kind, gold, choices FROM question")
        rendered = {key: question_text(Question(*rest, tuple(choices))) for key, *rest, choices in found.fetchall()}
        frame = pl.concat(batches(con, corpus.corpus_hash, "train", ["question_key", "prompt"]))
    assert frame.rows() == [(r.question_key, rendered[r.question_key]) for r in corpus.rows]
    assert any("Answer choices: (A) one (B) 2 | 3" in prompt for prompt in rendered.values())


def test_the_manifest_names_every_file_with_its_hash(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    done = export(store, [Recorded.of(corpus)], tmp_path, ["chat", "parquet"])
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest["files"]) == {file.path.name for file in done}
    for file in done:
        entry = manifest["files"][file.path.name]
        assert entry["sha256"] == hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert (entry["n_rows"], entry["n_bytes"]) == (file.n_rows, file.n_bytes)
        assert entry["corpus_hash"] == corpus.corpus_hash
    [about] = manifest["corpora"].values()
    assert about["left_out"] == dict(corpus.left_out)
    assert about["rules"] == json.loads(json.dumps(corpus.manifest))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    export(store, [Recorded.of(corpus)], tmp_path, ["chat", "parquet"])
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before  # the same bytes, whenever they are written


def test_an_export_adds_to_a_folder_and_keeps_what_others_wrote(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    out = tmp_path / "out"
    out.mkdir()
    (out / "dataset_info.json").write_text('{"theirs": {"file_name": "x.json"}}')
    [first] = export(store, [Recorded.of(corpus)], out, ["llamafactory"])
    [second] = export(store, [Recorded.of(corpus)], out, ["prompt-completion"])
    assert set(json.loads((out / "dataset_info.json").read_text())) == {"theirs", corpus.name}
    assert set(json.loads((out / "manifest.json").read_text())["files"]) == {first.path.name, second.path.name}
    assert first.path.name == f"{corpus.name}.json"
    assert {p.name for p in out.iterdir()} == {
        first.path.name,
        second.path.name,
        "README.md",
        "manifest.json",
        "dataset_info.json",
    }


def test_files_of_an_earlier_corpus_of_the_name_go_and_are_no_longer_listed(
    lab: tuple[Store, Corpus], tmp_path: Path
) -> None:
    store, corpus = lab
    export(store, [Recorded.of(corpus)], tmp_path, ["alpaca", "chat"])
    asked = [Question("own", "train", "One more?", "number", "4")]
    add_questions(store, asked)
    add_replies(store, CELL, asked, ["2 + 2 = 4. The answer is 4"])
    store.settle()
    grown = implicit_corpus(store, CELL, any_verdict=True)
    assert (grown.name, len(grown.rows)) == (corpus.name, len(corpus.rows) + 1)
    [done] = export(store, [Recorded.of(grown)], tmp_path, ["chat"])
    assert done.n_rows == len(grown.rows)
    assert set(json.loads((tmp_path / "manifest.json").read_text())["files"]) == {done.path.name}
    assert json.loads((tmp_path / "dataset_info.json").read_text() or "{}") == {}
    assert not (tmp_path / f"{corpus.name}.json").exists()


def test_cells_of_one_name_do_not_overwrite_each_other(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    later = Cell("own", "me", Recipe(2, "original", "no", "2"))
    asked = [Question("own", "train", "Another?", "number", "4")]
    add_questions(store, asked)
    add_replies(store, later, asked, ["The answer is 4"])
    store.settle()
    other = implicit_corpus(store, later)
    assert other.name == corpus.name
    done = export(store, [Recorded.of(corpus), Recorded.of(other)], tmp_path, ["chat"])
    assert [file.n_rows for file in done] == [len(HOSTILE), 1]
    assert len({file.path for file in done}) == 2
    assert all(file.corpus_hash[:8] in file.path.name for file in done)


def test_names_that_no_file_may_have_are_made_fit(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    names = {"../up/\x07own:q2?": "_up_-own-q2-", "é" * 300: "é" * 75 + "_sharegpt.json", "...": "corpus"}
    for name, stem in names.items():
        [done] = export(store, [Recorded(corpus.corpus_hash, name, {}, {})], tmp_path, ["sharegpt"])
        assert done.path.parent == tmp_path
        assert done.path.name.startswith(stem)
        assert done.path.exists()


def test_two_corpora_never_share_a_file_and_none_takes_the_manifests_name(
    lab: tuple[Store, Corpus], tmp_path: Path
) -> None:
    store, corpus = lab
    one, two = (Recorded(corpus.corpus_hash, name, {}, {}) for name in ("a", "a_sharegpt"))
    export(store, [one], tmp_path / "out", ["sharegpt"])
    before = snapshot(tmp_path / "out")
    for together in ([one, two], [two]):
        with pytest.raises(ConfigError, match=r"a_sharegpt.json of corpus a_sharegpt is a's file already.*Next:"):
            export(store, together, tmp_path / "out", ["sharegpt", "alpaca"])
    for name in ("manifest", "dataset_info"):
        with pytest.raises(ConfigError, match=rf"{name}.json of corpus {name} is .*Next:"):
            export(store, [Recorded(corpus.corpus_hash, name, {}, {})], tmp_path / "out", ["alpaca"])
    assert snapshot(tmp_path / "out") == before


def test_what_a_killed_export_left_is_removed_and_a_living_one_is_not_disturbed(
    lab: tuple[Store, Corpus], tmp_path: Path
) -> None:
    store, corpus = lab
    (tmp_path / ".x.json.abc.partial").write_text("half")
    (tmp_path / ".theirs").write_text("not ours")
    export(store, [Recorded.of(corpus)], tmp_path, ["chat"])
    assert {p.name for p in tmp_path.iterdir() if p.name.startswith(".")} == {".theirs"}
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(ConfigError, match=r"another export is writing to .*Next:"):
        export(store, [Recorded.of(corpus)], tmp_path, ["chat"])
    os.close(handle)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize("format", FORMATS)
def test_a_write_that_fails_leaves_the_folder_as_it_was(
    lab: tuple[Store, Corpus], tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, corpus = lab
    out = tmp_path / "out"
    export(store, [Recorded.of(corpus)], out, list(FORMATS))
    before = snapshot(out)
    real = os.fsync

    def full(handle: int) -> None:
        if os.fstat(handle).st_size and format in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    chosen = with_validation(store, corpus, f"again_{format}")
    with pytest.raises(Error, match=r"No space left on device.*as it was. Next: make room"):
        export(store, [chosen], out, [format])
    assert snapshot(out) == before


@pytest.mark.parametrize("text", ["{", "[]", '"x"', ""])
@pytest.mark.parametrize("name", ["dataset_info.json", "manifest.json"])
def test_a_file_that_export_cannot_add_to_is_refused_and_kept(
    lab: tuple[Store, Corpus], tmp_path: Path, name: str, text: str
) -> None:
    store, corpus = lab
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=rf"{name} is not (JSON|a JSON object).*Next: move it away"):
        export(store, [Recorded.of(corpus)], tmp_path, ["alpaca"])
    assert snapshot(tmp_path).keys() == {name, "store.duckdb"}
    assert (tmp_path / name).read_text() == text


@pytest.mark.parametrize(("name", "text"), [("README.md", "# mine"), ("manifest.json", '{"files": []}')])
def test_a_users_own_file_is_never_replaced(lab: tuple[Store, Corpus], tmp_path: Path, name: str, text: str) -> None:
    store, corpus = lab
    out = tmp_path / "mine"
    out.mkdir()
    (out / name).write_text(text)
    with pytest.raises(ConfigError, match=rf"{name} was not written by export.*Next: name another --out"):
        export(store, [Recorded.of(corpus)], out, ["alpaca"])
    assert snapshot(out) == {name: text.encode()}


def test_folders_that_cannot_be_used_are_named(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    (tmp_path / "file").write_text("x")
    (tmp_path / "taken" / f"{corpus.name}.json").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"is a folder. Next: move it away"):
        export(store, [Recorded.of(corpus)], tmp_path / "taken", ["alpaca"])
    for folder, why in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "cannot|Not a directory"),
        (Path("/proc/export"), "No such file|not permitted|Permission"),
    ):
        with pytest.raises(ConfigError, match=rf"({why}).*Next: name"):
            export(store, [Recorded.of(corpus)], folder, ["chat"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_named(lab: tuple[Store, Corpus], tmp_path: Path) -> None:
    store, corpus = lab
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(ConfigError, match=r"may not be written to.*Next: name"):
        export(store, [Recorded.of(corpus)], tmp_path / "closed", ["chat"])


@pytest.mark.parametrize("targets", [["excel"], [], ["chat", "JSON"]])
def test_an_unknown_format_is_named_before_anything_is_made(
    lab: tuple[Store, Corpus], tmp_path: Path, targets: list[str]
) -> None:
    store, corpus = lab
    with pytest.raises(ConfigError, match=rf"format.*Known: {', '.join(TARGETS)}.*Next: --to"):
        export(store, [Recorded.of(corpus)], tmp_path / "none", targets)
    assert not (tmp_path / "none").exists()


def test_staging_writes_nothing_until_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staging(tmp_path) as files:
        files.write("a", lambda file: file.write(b"new"))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
