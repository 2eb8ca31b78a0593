"""Training profiles and the registry of students: what is known, what is refused, and what a run's identity is."""

import json
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks import templates
from cotdistill.train import estimate, pretrain_tiny, profiles, students


@pytest.mark.parametrize("name", ["fast", "laptop", "paper", "tiny"])
def test_shipped_profiles_load(name: str) -> None:
    assert name in profiles.names()
    assert profiles.load(name).lr > 0


def test_paper_profile_is_the_papers() -> None:
    paper = profiles.load("paper")
    assert (paper.method, paper.lr, paper.schedule, paper.epochs) == ("full", 5e-5, "cosine", 3)
    assert (paper.batch_size * paper.accumulate, paper.max_tokens, paper.warmup_share) == (64, 4096, 0)


def test_overrides_win_and_none_is_none() -> None:
    profile = profiles.load("fast", {"epochs": 1, "lora.rank": 4, "max_steps": None})
    assert (profile.epochs, profile.lora.rank, profile.lora.alpha, profile.max_steps) == (1, 4, 32, None)


def test_logging_is_no_part_of_the_identity() -> None:
    assert profiles.load("tiny", {"log_every": 7}).identity() == profiles.load("tiny").identity()
    assert profiles.load("tiny", {"epochs": 9}).identity() != profiles.load("tiny").identity()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"learning": 1}, "learning = 1"), ({"epochs": -1}, "epochs"), ({"lora.rank": 0}, "rank")],
)
def test_a_wrong_setting_is_refused(overrides: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        profiles.load("fast", overrides)


def test_unknown_profile_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fast, laptop, paper, tiny"):
        profiles.load("huge")
    own = tmp_path / "own.toml"
    own.write_text("lr = 1e-3\n")
    assert profiles.load(str(own)).lr == 1e-3
    own.write_text("lr = \n")
    with pytest.raises(ConfigError, match="is not TOML"):
        profiles.load(str(own))


def test_every_registered_student_has_a_known_template_and_profile() -> None:
    for name in students.known_students():
        student = students.resolve_student(name)
        assert student.template in templates.NAMES
        assert student.profile in profiles.names()
        assert (student.path is None) != (student.hub_id is None)
        assert student.licence and student.context and student.lora_targets != "all-linear"


def test_the_papers_students_are_there_with_its_templates() -> None:
    paper = [students.resolve_student(n) for n in students.known_students()]
    found = {s.hub_id: s.template for s in paper if s.note == "in the paper"}
    assert found == {
        "meta-llama/Llama-3.2-1B": "llama3",
        "meta-llama/Llama-3.2-3B": "llama3",
        "google/gemma-2b": "gemma",
        "bigscience/bloom-560m": "alpaca",
        "bigscience/bloom-1b1": "alpaca",
        "bigscience/bloom-1b7": "alpaca",
        "bigscience/bloom-3b": "alpaca",
    }
    assert students.resolve_student("bloom-3b").lora_targets.startswith("query_key_value")


def test_a_gated_student_says_where_its_licence_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ConfigError, match=r"Llama 3.2 Community.*huggingface.co/meta-llama/Llama-3.2-1B and set HF_TOKEN"
    ):
        students.locate(students.resolve_student("llama-3.2-1b"))
    with pytest.raises(ConfigError, match="Next: --student DIR"):
        students.locate(students.resolve_student("bloom-560m"))


@pytest.mark.parametrize(("name", "weights"), [("tiny-s", 149_824), ("tiny", 406_176), ("tiny-l", 877_696)])
def test_the_built_in_students_are_small_and_on_disk(name: str, weights: int) -> None:
    student = students.resolve_student(name)
    path = students.locate(student)
    config = json.loads((path / "config.json").read_text())
    assert config["model_type"] == "llama" and config["max_position_embeddings"] == student.context
    assert estimate.shape_of(path).weights == weights < 1_000_000
    assert (path / "model.safetensors").stat().st_size < 4_000_000  # float32
    assert len(students.base_hash(path)) == 32
    tiny = students.locate(students.resolve_student("tiny"))
    assert (path / "tokenizer.json").read_bytes() == (tiny / "tokenizer.json").read_bytes()


def test_the_sizes_are_those_that_pretraining_makes() -> None:
    for name, size in pretrain_tiny.SIZES.items():
        config = json.loads((students.locate(students.resolve_student(name)) / "config.json").read_text())
        made = (config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"])
        assert made == (size.hidden, size.layers, size.inner)


def test_a_hub_id_is_taken_and_anything_else_refused(tmp_path: Path) -> None:
    assert students.resolve_student("owner/model").hub_id == "owner/model"
    with pytest.raises(ConfigError, match="no student 'big'"):
        students.resolve_student("big")
    with pytest.raises(ConfigError, match="no student"):
        students.resolve_student(str(tmp_path / "absent"))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"lacks weights .* a tokenizer"):
        students.resolve_student(str(tmp_path))
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "tokenizer.json").touch()
    with pytest.raises(ConfigError, match="is not JSON"):
        students.resolve_student(str(tmp_path))


def test_the_hash_of_a_model_is_that_of_its_model_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    first = students.base_hash(tmp_path)
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / "training_args.bin").write_bytes(b"x")
    assert students.base_hash(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"2")
    assert students.base_hash(tmp_path) != first
