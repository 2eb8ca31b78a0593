"""The real Unsloth on each of the paper's architectures, by its own kernels or, as BLOOM, by its general way; and what
it learns by heart."""

from pathlib import Path

import by_heart
import pytest
import tiny_families
from arith_lab import filled

from cotdistill import environments
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.transformers_engine import TransformersEngine
from cotdistill.train import profiles, support
from cotdistill.train.run import train_runs
from cotdistill.train.students import resolve_student

pytestmark = pytest.mark.engines


def test_doctor_says_what_the_installed_sources_say(
    unsloth: environments.Environment, vllm: environments.Environment
) -> None:
    found = {name: support.support(resolve_student(name)) for name in ("tiny", "gemma-2b", "gemma-3-270m", "bloom-3b")}
    assert {name: one.unsloth for name, one in found.items()} == {
        "tiny": "own kernels", "gemma-2b": "own kernels", "gemma-3-270m": "general way", "bloom-3b": "general way",
    }  # fmt: skip
    assert [one.vllm for one in found.values()] == ["adapter, merged"] * 3 + ["merged"]
    assert {one.trl for one in found.values()} == {"LoRA, full"}


@pytest.mark.parametrize("family", list(tiny_families.TEMPLATES))
def test_its_adapter_answers_on_its_base(unsloth: environments.Environment, tmp_path: Path, family: str) -> None:
    store, corpus = filled(tmp_path / "lab.duckdb", 16, 0)
    base, template = tiny_families.make(family, tmp_path / family), tiny_families.TEMPLATES[family][0]
    settings = {"max_steps": 12, "epochs": 12, "batch_size": 8, "lr": 1e-2, "lora.adapter": "kept", "lora.rank": 32}
    profile = profiles.load("laptop", {**settings, "template": template, "schedule": "constant"})
    (run,) = train_runs(store, student=str(base), corpora=[corpus], seeds=[1], profile=profile, trainer="unsloth")
    assert run.status == "finished", run.error
    with store.read() as con:
        losses = [loss for (loss,) in con.execute("SELECT loss FROM run_curve ORDER BY step").fetchall()]
    print(f"{family}: loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    assert len(losses) == 12 and losses[-1] < 0.95 * losses[0]
    engine = TransformersEngine(base, template=template, adapter=run.output_dir / "model")
    (batch,) = engine.generate([engine.template.prompt("How many?")], Decoder(max_new_tokens=4))
    assert batch[0].finish_reason in ("stop", "length")


@pytest.mark.parametrize("method", ["full", "lora"])
def test_it_learns_eight_rows_by_heart_and_says_them_to_the_letter(
    unsloth: environments.Environment, tmp_path: Path, method: str
) -> None:
    settings = {"optimizer": "adamw", "lr": 1e-2, "epochs": 250 if method == "lora" else 120, "batch_size": 8}
    settings |= {"method": method, "lora.rank": 32, "lora.alpha": 64, "lora.adapter": "kept"}
    _, run = by_heart.learned(tmp_path, "unsloth", profiles.load("tiny", settings))
    assert run.detail["saved"] == ("adapter" if method == "lora" else "model")
