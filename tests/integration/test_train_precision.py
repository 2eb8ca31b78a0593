"""LoRA on a base in bfloat16: what is learned, kept and merged stays float32; everything else is trained as before."""

from pathlib import Path
from typing import Any

import pytest
import tiny_families

torch = pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")

from cotdistill.evaluate.transformers_engine import TransformersEngine  # noqa: E402
from cotdistill.tasks import templates  # noqa: E402
from cotdistill.tasks.datasets import arith  # noqa: E402
from cotdistill.train import precision, profiles, trl_trainer  # noqa: E402

PAIRS = [trl_trainer.Pair(q.text, f"It is {q.gold}. The answer is {q.gold}") for q in arith.questions("train", 8)]
LORA = {"method": "lora", "optimizer": "adamw", "lr": 1e-2, "batch_size": 4, "epochs": 2, "schedule": "constant"}


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that multiplies bfloat16; one that does not emulates it."""
    monkeypatch.setattr(precision, "has_units", lambda: True)


def trained(folder: Path, dtype: str, **more: Any) -> tuple[trl_trainer.Trained, list[float]]:
    profile = profiles.load("laptop", {**LORA, "dtype": dtype, **more})
    base = trl_trainer.load_base(tiny_families.make("gemma", folder / "base"), precision.kept(profile))
    assert str(base.model.dtype) == f"torch.{precision.kept(profile)}"
    template = templates.resolve("gemma", base.tokenizer)
    losses: list[float] = []
    done = trl_trainer.train(
        base, PAIRS, template, profile, seed=1, output=folder / "model",
        on_step=lambda step: losses.append(step.loss or 0.0),
    )  # fmt: skip
    return done, losses


def saved(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}


def test_the_loss_is_nearly_that_of_float32_and_the_adapter_is_float32(tmp_path: Path, units: None) -> None:
    wide, expected = trained(tmp_path / "wide", "float32", **{"lora.adapter": "kept"})
    narrow, losses = trained(tmp_path / "narrow", "bfloat16", **{"lora.adapter": "kept"})
    assert (wide.dtype, narrow.dtype) == ("float32", "bfloat16")
    assert losses == pytest.approx(expected, rel=0.02) and losses != expected
    assert losses[-1] < losses[0]
    assert {str(tensor.dtype) for tensor in saved(tmp_path / "narrow" / "model").values()} == {"torch.float32"}


def test_what_is_merged_is_the_adapter_on_the_base_in_float32(tmp_path: Path, units: None) -> None:
    kept, _ = trained(tmp_path / "kept", "bfloat16", **{"lora.adapter": "kept"})
    merged, _ = trained(tmp_path / "merged", "bfloat16", **{"lora.adapter": "merged"})
    assert (kept.saved, merged.saved) == ("adapter", "merged")
    assert {str(tensor.dtype) for tensor in saved(tmp_path / "merged" / "model").values()} == {"torch.float32"}
    assert {path.name for path in (tmp_path / "merged").iterdir()} <= {"base", "checkpoints", "model"}
    apart = TransformersEngine(tmp_path / "kept" / "base", template="gemma", adapter=tmp_path / "kept" / "model")
    whole = TransformersEngine(tmp_path / "merged" / "model", template="gemma")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        torch.testing.assert_close(apart.model(ids).logits, whole.model(ids).logits, rtol=1e-4, atol=1e-4)


def test_what_a_machine_multiplies_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Any] = {"avx512_bf16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    lora, auto = (profiles.load("laptop", {"dtype": dtype}) for dtype in ("bfloat16", "auto"))
    full = profiles.load("laptop", {"method": "full", "dtype": "bfloat16"})
    assert (precision.multiplied(lora), precision.kept(lora)) == ("bfloat16", "bfloat16")
    assert precision.multiplied(profiles.load("laptop")) == precision.multiplied(auto) == "float32"
    assert precision.multiplied(full) == precision.kept(full) == "float32"
    known = {"avx2": True}
    assert precision.multiplied(lora) == precision.kept(lora) == "float32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert (precision.multiplied(full), precision.kept(full)) == ("bfloat16", "float32")  # what is learned is float32
    assert (precision.multiplied(auto), precision.kept(auto)) == ("bfloat16", "bfloat16")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert precision.multiplied(auto) == precision.kept(auto) == "float32"
