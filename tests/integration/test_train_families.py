"""A student of each of the paper's architectures: it trains, is saved, is loaded again, and answers through the
template it was trained behind. Eight rows are learned by heart, so that a wrong mask, mark or prefix shows at once."""

from pathlib import Path
from typing import Any

import pytest
import tiny_families

from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.transformers_engine import TransformersEngine
from cotdistill.tasks import templates
from cotdistill.tasks.datasets import arith
from cotdistill.train import profiles, trl_trainer
from cotdistill.train.preflight import IGNORED

pytest.importorskip("torch", reason="the students need the extra `cpu`")
pytest.importorskip("trl", reason="the students need the extra `cpu`")

FAMILIES = list(tiny_families.TEMPLATES)
PAIRS = [trl_trainer.Pair(q.text, f"It is {q.gold}. The answer is {q.gold}") for q in arith.questions("train", 8)]
HEART = {"optimizer": "muon", "lr": 5e-3, "muon_lr": 1e-2, "schedule": "constant", "batch_size": 8, "epochs": 160}


def trained(family: str, folder: Path, settings: dict[str, Any]) -> tuple[trl_trainer.Trained, list[float]]:
    """(what the training left in `folder`/model, its losses) of a random base in `folder`/base."""
    base = trl_trainer.load_base(tiny_families.make(family, folder / "base"), "float32")
    template = templates.resolve(tiny_families.TEMPLATES[family][0], base.tokenizer)
    losses: list[float] = []

    def on_step(step: trl_trainer.Step) -> None:
        losses.append(step.loss or 0.0)

    profile = profiles.load("tiny", settings)
    done = trl_trainer.train(base, PAIRS, template, profile, seed=1, output=folder / "model", on_step=on_step)
    return done, losses


def loss_of(engine: TransformersEngine) -> float:
    """The mean loss of the rows' completions under the loaded model: read, not trained."""
    import torch

    rows, _ = trl_trainer.tokenize(PAIRS, engine.tokenizer, engine.template, 256)
    total = n = 0.0
    for row in rows:
        batch = {name: torch.tensor([values]) for name, values in row.items()}
        counted = sum(label != IGNORED for label in row["labels"])
        with torch.inference_mode():
            total += counted * float(engine.model(**batch).loss)
        n += counted
    return total / n


@pytest.mark.parametrize("family", FAMILIES)
def test_eight_rows_by_heart_and_said_to_the_letter(tmp_path: Path, family: str) -> None:
    done, losses = trained(family, tmp_path, HEART)
    assert losses[0] > 3 and losses[-1] < 0.02
    assert done.saved == "model"
    engine = TransformersEngine(tmp_path / "model", template=tiny_families.TEMPLATES[family][0])
    assert engine.model.config.model_type == family
    prompts = [engine.template.prompt(pair.prompt) for pair in PAIRS]
    answers = {a.index: a for batch in engine.generate(prompts, Decoder(max_new_tokens=48)) for a in batch}
    assert [answers[i].text for i in range(8)] == [pair.completion for pair in PAIRS]
    assert {a.finish_reason for a in answers.values()} == {"stop"}  # it has learned to end
    assert loss_of(engine) < 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_its_adapter_is_kept_apart_and_loaded_onto_its_base(tmp_path: Path, family: str) -> None:
    settings = {**HEART, "method": "lora", "optimizer": "adamw", "lr": 1e-2, "epochs": 15, "lora.adapter": "kept"}
    done, losses = trained(family, tmp_path, settings)
    assert done.saved == "adapter" and not (tmp_path / "model" / "model.safetensors").exists()
    name = tiny_families.TEMPLATES[family][0]
    untouched = loss_of(TransformersEngine(tmp_path / "base", template=name))
    assert untouched == pytest.approx(losses[0], rel=1e-3)  # the same rows, through the same template
    engine = TransformersEngine(tmp_path / "base", template=name, adapter=tmp_path / "model")
    assert loss_of(engine) <= losses[-1] < 0.98 * untouched
    (batch,) = engine.generate([engine.template.prompt("How many?")], Decoder(max_new_tokens=4))
    assert batch[0].finish_reason in ("stop", "length")
