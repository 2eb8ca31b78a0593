"""What is learned from, counted and shown before the first step; what a run will take."""

import json
from pathlib import Path

from cotdistill.train import estimate, profiles, students
from cotdistill.train.preflight import IGNORED, look


class Letters:
    """A tokenizer whose tokens are letters: 1 is a, 2 is b."""

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(96 + i) for i in ids)


def row(read: list[int], learned: list[int]) -> dict[str, list[int]]:
    return {"input_ids": read + learned, "labels": [IGNORED] * len(read) + learned}


def test_what_is_learned_is_counted_and_told_from_what_is_read() -> None:
    rows = [row([1, 2, 3], [4, 5]), row([1], [2]), row([1, 1, 1, 1], [2, 2, 2, 2])]
    found = look(rows, 1, Letters())
    assert (found.n_rows, found.tokens, found.supervised_tokens, found.longest) == (3, 15, 7, 8)
    assert found.samples == (((False, "a"), (True, "b")), ((False, "abc"), (True, "de")))
    assert found.warning is not None
    assert "1 of 3 rows (33.3 %)" in found.warning
    assert look(rows, 0, Letters()).warning is None
    assert look([], 0, Letters()).samples == ()


def test_steps_are_those_of_the_trainer() -> None:
    profile = profiles.load("tiny", {"batch_size": 16, "epochs": 4})
    assert estimate.n_steps(2400, profile) == 600  # as every run of the demo has
    assert estimate.n_steps(2401, profile) == 604
    assert estimate.n_steps(2400, profiles.load("tiny", {"max_steps": 10})) == 10


# weights: 768 x 96 + 3 x (4 x 96^2 + 3 x 96 x 256 + 2 x 96) + 96
def test_the_shape_of_tiny_is_that_of_its_files() -> None:
    shape = estimate.shape_of(students.locate(students.resolve_student("tiny")))
    assert (shape.weights, shape.hidden, shape.layers, shape.vocabulary) == (406_176, 96, 3, 768)


def test_arithmetic_counts_what_a_token_passes() -> None:
    shape = estimate.Shape(weights=1_000, hidden=10, layers=1, vocabulary=20)  # 200 to embed, 800 in layers
    full, lora = profiles.load("tiny"), profiles.load("laptop")
    assert estimate.flops(shape, full, n_tokens=100, n_supervised=30) == 6 * (100 * 800 + 30 * 200)
    assert estimate.flops(shape, lora, n_tokens=100, n_supervised=30) == 4 * (100 * 800 + 30 * 200)
    untied = estimate.Shape(weights=1_200, hidden=10, layers=1, vocabulary=20, tied=False)
    assert estimate.flops(untied, full, 100, 30) == estimate.flops(shape, full, 100, 30)
    again = profiles.load("laptop", {"gradient_checkpointing": True})
    assert estimate.flops_per_weight(again) == 6


def test_full_training_needs_four_copies_of_the_weights_and_lora_one(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [0, 4_000_000]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "config.json").write_text('{"n_embed": 64, "n_layer": 2, "vocab_size": 10}')
    shape = estimate.shape_of(tmp_path)
    assert shape == estimate.Shape(1_000_000, 64, 2, 10)
    full = estimate.memory_bytes(shape, profiles.load("paper", {"batch_size": 1}), 1)
    assert 16_000_000 < full < 16_100_000
    lora = estimate.memory_bytes(shape, profiles.load("laptop", {"batch_size": 1}), 1)
    assert 4_000_000 < lora < 4_500_000
