"""A real pretrained student: Gemma 3 270M takes two steps and answers one question. Minutes, gigabytes."""

import os
from pathlib import Path

import pytest

from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.engine import Asked
from cotdistill.evaluate.transformers_engine import TransformersEngine
from cotdistill.tasks import modeldir, templates
from cotdistill.tasks.datasets import arith
from cotdistill.train import precision, profiles, trl_trainer

GEMMA = os.environ.get("COTDISTILL_GEMMA", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GEMMA, reason="COTDISTILL_GEMMA names no directory with Gemma 3 270M (Hugging Face layout)"),
]


@pytest.mark.parametrize("adapter", ["merged", "kept"])
def test_gemma_trains_and_answers(tmp_path: Path, adapter: str) -> None:
    path = Path(GEMMA)
    modeldir.check(path)
    profile = profiles.load("laptop", {"max_steps": 2, "batch_size": 2, "lora.adapter": adapter})
    pairs = [trl_trainer.Pair(q.text, f"Think first. The answer is {q.gold}.") for q in arith.questions("train", 8)]
    base = trl_trainer.load_base(path, precision.kept(profile))
    template = templates.resolve("auto", base.tokenizer)
    assert template.name == "alpaca"  # the base model has no chat template
    steps: list[trl_trainer.Step] = []
    trained = trl_trainer.train(base, pairs, template, profile, seed=1, output=tmp_path / "model", on_step=steps.append)
    assert (trained.steps, trained.saved, len(steps)) == (2, "merged" if adapter == "merged" else "adapter", 2)
    assert trained.weights_hash != modeldir.weights_hash(path)
    engine = TransformersEngine(
        path if adapter == "kept" else tmp_path / "model",
        template="auto",
        adapter=tmp_path / "model" if adapter == "kept" else None,
    )
    prompt = engine.template.prompt(arith.questions("test", 1)[0].text)
    assert prompt.startswith("<bos>Below is an instruction")
    ((answer,),) = engine.answer([Asked(prompt, Decoder(max_new_tokens=16))])
    assert answer.finish_reason in ("stop", "length") and 0 <= answer.completion_tokens <= 16
