"""`export --push`: the hub receives exactly the export's files, privately; what is missing is one clear message."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_lab import fill
from servers.hub import TOKEN, Hub, running

from cotdistill.store.formats import FORMATS


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    opened, _ = fill(tmp_path_factory.mktemp("push") / "store.duckdb")
    return opened.path


def export(store: Path, out: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, with no token on this machine but the one given."""
    home = {"HF_HOME": str(out.parent / "hf"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING_FACE"))}
    command = [sys.executable, "-m", "cotdistill", "export", "--store", str(store), "--out", str(out), "--any-verdict"]
    return subprocess.run(
        [*command, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=plain | home | {"COLUMNS": "80"} | variables,
    )


def test_the_hub_receives_the_files_of_the_export_and_no_others(hub: Hub, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "secret.txt").write_text("not of the export")
    words = ["--to", ",".join(FORMATS), "--push", "me/rationales"]
    done = export(store, out, *words, HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    repository = hub.repositories["me/rationales"]
    assert repository["private"] is True
    local = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "secret.txt"}
    assert repository["files"] == local
    assert {"README.md", "manifest.json", "dataset_info.json"} < set(local)
    assert any(asked.startswith("PUT /lfs/") for asked in hub.asked)
    assert f"uploaded: {hub.address}/datasets/me/rationales" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    again = export(store, out, *words, HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN)
    assert again.returncode == 0, again.stderr
    assert repository["files"] == local


def test_public_is_asked_for_and_a_public_repository_is_not_taken_for_private(
    hub: Hub, store: Path, tmp_path: Path
) -> None:
    words = ["--push", "me/open"]
    done = export(store, tmp_path / "out", *words, "--public", HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert hub.repositories["me/open"]["private"] is False
    hub.repositories["me/open"]["files"] = {}
    done = export(store, tmp_path / "out", *words, HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN)
    assert done.returncode == 2
    assert "is public; nothing was uploaded. Next:" in done.stderr
    assert hub.repositories["me/open"]["files"] == {}


@pytest.mark.parametrize(
    ("variables", "words", "code", "said"),
    [
        ({}, ["--push", "me/x"], 2, "--push needs a Hugging Face token that may write. Next: export HF_TOKEN"),
        ({"HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "1"}, ["--push", "me/x"], 2, "HF_HUB_OFFLINE is set. Next: unset"),
        ({"HF_TOKEN": TOKEN}, ["--push", "a/b/c"], 2, "--push a/b/c"),
        ({"HF_TOKEN": TOKEN}, ["--public"], 2, "--public goes with --push. Next:"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_written(
    store: Path, tmp_path: Path, variables: dict[str, str], words: list[str], code: int, said: str
) -> None:
    done = export(store, tmp_path / "out", *words, HF_ENDPOINT="http://127.0.0.1:9", **variables)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_network_leaves_the_files_and_says_so(store: Path, tmp_path: Path) -> None:
    done = export(store, tmp_path / "out", "--push", "me/x", HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN=TOKEN)
    assert done.returncode == 1, done.stderr
    assert "me/x cannot be uploaded to http://127.0.0.1:9 (ConnectError" in done.stderr
    assert f"The files are in {tmp_path / 'out'}. Next: the same command again" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "README.md").exists()


@pytest.mark.parametrize(("status", "said"), [(403, "with a token that may write there (HF_TOKEN)"), (400, "HTTP 400")])
def test_a_hub_that_refuses_is_quoted(hub: Hub, store: Path, tmp_path: Path, status: int, said: str) -> None:
    hub.status = status
    done = export(store, tmp_path / "out", "--push", "me/x", HF_ENDPOINT=hub.address, HF_TOKEN=TOKEN)
    assert done.returncode == 1, done.stderr
    assert "the hub refused me/x" in done.stderr and said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_library_the_line_that_installs_it_is_printed(store: Path, tmp_path: Path) -> None:
    (tmp_path / "huggingface_hub").mkdir()
    (tmp_path / "huggingface_hub" / "__init__.py").write_text("raise ImportError('not here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = export(store, tmp_path / "out", "--push", "me/x", HF_TOKEN=TOKEN, PYTHONPATH=path)
    assert done.returncode == 2, done.stderr
    assert "Next: pip install 'cotdistill[hub]'" in done.stderr
