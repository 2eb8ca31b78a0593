"""The real Unsloth trains `tiny`; the adapters it saves are what vLLM and transformers evaluate, and agree on."""

import json
from pathlib import Path
from typing import Any

import pytest
from arith_lab import AGREEMENT, filled, question_row

from cotdistill import environments
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import trained_models
from cotdistill.evaluate.plan import Asking
from cotdistill.evaluate.run import evaluate_models, evaluate_plan
from cotdistill.tasks.render import question_text
from cotdistill.tasks.values import Question
from cotdistill.train import profiles
from cotdistill.train.run import train_runs

pytestmark = pytest.mark.engines


def rows(lab: Any, sql: str) -> list[tuple[Any, ...]]:
    with lab.store.read() as con:
        return con.execute(sql).fetchall()


def test_unsloth_learns_and_keeps_its_adapter_apart(lab: Any) -> None:
    assert [run.status for run in lab.runs] == ["finished"] * 2, [run.error for run in lab.runs]
    for run in lab.runs:
        assert run.detail["saved"] == "adapter"
        model = run.output_dir / "model"
        assert (model / "adapter_model.safetensors").is_file() and not (model / "model.safetensors").exists()
        losses = [
            loss for (loss,) in rows(lab, f"SELECT loss FROM run_step WHERE run_key = '{run.run_key}' ORDER BY step")
        ]
        print(f"seed {run.seed}: loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} steps")
        assert len(losses) == lab.profile.max_steps and losses[-1] < losses[0] / 2
    assert len({run.detail["weights_hash"] for run in lab.runs}) == 2
    ((trainer, versions),) = set(rows(lab, "SELECT trainer, versions FROM run"))
    assert trainer == "unsloth" and json.loads(versions)["unsloth"]
    again = train_runs(
        lab.store, student="tiny", corpora=[lab.corpus], seeds=[1, 2], profile=lab.profile, trainer="unsloth"
    )
    assert [run.status for run in again] == ["skipped"] * 2


@pytest.mark.parametrize("method", ["lora", "full"])
def test_both_trainers_begin_at_the_same_loss(lab: Any, method: str) -> None:
    """Same rows, same mask, same order, and an adapter that begins as zero: the first loss is that of the base."""
    profile = lab.profile.model_copy(update={"max_steps": 4, "method": method})
    first: dict[str, float] = {}
    for trainer in ("trl", "unsloth"):
        (run,) = train_runs(
            lab.store, student="tiny", corpora=[lab.corpus], seeds=[3], profile=profile, trainer=trainer
        )
        assert run.status == "finished", run.error
        ((first[trainer], tokens),) = rows(
            lab, f"SELECT loss, tokens FROM run_step WHERE run_key = '{run.run_key}' AND step = 1"
        )
        assert tokens > 0
    print(f"{method}: first loss trl {first['trl']:.6f}, unsloth {first['unsloth']:.6f}")
    assert first["unsloth"] == pytest.approx(first["trl"], rel=1e-4)


def test_vllm_and_transformers_agree(lab: Any, vllm: environments.Environment) -> None:
    """The base and both adapters on two data sets, by one vLLM engine in one call; one by one with transformers."""
    models = trained_models(lab.store, [run.run_key for run in lab.runs])
    assert [model.adapter is not None for model in models] == [False, True, True]
    decoder = Decoder(max_new_tokens=64)
    with lab.store.write() as con:
        lab.store.insert(con, "question", [question_row(Question("long", "test", "How many? " * 500, "number", "1"))])
    done = evaluate_plan(lab.store, {"arith": models, "long": models[:1]}, Asking(decoder), engine="vllm")
    assert [e.status for e in done] == ["done"] * 4, [e.error for e in done]
    assert len({e.seconds for e in done}) == 1  # one engine answered all of it
    # A prompt longer than the student's context is said to be that, beside the others' answers.
    assert rows(
        lab,
        "SELECT text, finish_reason FROM prediction JOIN evaluation USING (evaluation_key) WHERE dataset = 'long'",
    ) == [("", "prompt_too_long")]
    done = evaluate_models(
        lab.store, dataset="arith", models=models, decoder=decoder, engine="transformers", processes=1
    )
    assert [e.status for e in done] == ["done"] * 3, [e.error for e in done]
    assert rows(lab, "SELECT DISTINCT engine_version FROM evaluation WHERE engine = 'vllm'") == [
        (f"{vllm.version} (CPU build)",)
    ]
    pairs = rows(lab, AGREEMENT)
    n = len({question.key for question in _questions(lab)})
    for run_key in {pair[0] for pair in pairs}:
        mine = [pair for pair in pairs if pair[0] == run_key]
        same = sum(pair[1] for pair in mine)
        print(f"{'untouched' if run_key is None else run_key[:8]}: {same} of {len(mine)} answers equal")
        assert len(mine) == n and all(pair[2] for pair in mine)
        assert same >= 0.95 * n
    scores = rows(lab, "SELECT engine, run_key, n, n_correct FROM score WHERE dataset = 'arith' ORDER BY ALL")
    print("\n".join(map(str, scores)))
    assert {row[2] for row in scores} == {n}


def test_beams_stop_strings_and_samples_in_both_engines(lab: Any) -> None:
    """Beams of width 5 agree; a stop string cuts at the same place; a sample in vLLM has its seed and its limit."""
    (model,) = [m for m in trained_models(lab.store, [lab.runs[0].run_key]) if m.run_key]
    beam, stop = Decoder("beam", 40, beams=5), Decoder("greedy", 64, stop=("=",))
    drawn = Decoder("sample", 40, temperature=0.8, top_p=0.95, seed=1)
    for decoder, n, samples in ((beam, 8, 1), (stop, 20, 1), (drawn, 10, 4)):
        asking = Asking(decoder, limit=n, samples=samples)
        said = {}
        for engine in ("vllm", "transformers"):
            (done,) = evaluate_plan(lab.store, {"arith": [model]}, asking, engine=engine, processes=1)
            assert (done.status, done.n) == ("done", n * samples), done.error
            found = rows(
                lab,
                "SELECT question_key, sample_index, text, finish_reason, completion_tokens FROM prediction "
                f"WHERE evaluation_key = '{done.evaluation_key}' ORDER BY ALL",
            )
            said[engine] = found
            assert all(tokens <= decoder.max_new_tokens for *_, tokens in found)
        same = sum(a[:4] == b[:4] for a, b in zip(said["vllm"], said["transformers"], strict=True))
        print(f"{decoder.mode}{' with a stop string' if decoder.stop else ''}: {same} of {n * samples} equal")
        if decoder.mode != "sample":  # vLLM returns its five best beams by a ranking of its own
            assert same >= (0.5 if decoder.mode == "beam" else 0.95) * n
        else:  # other generators: the draws differ, and differ among themselves
            assert len({(key, text) for key, _, text, *_ in said["vllm"]}) > n
        if decoder.stop:
            assert not any("=" in text for _, _, text, *_ in said["vllm"])


def test_unsloth_overfits_eight_rows_and_vllm_says_them_by_heart(tmp_path: Path) -> None:
    """Near-zero loss, and then every completion to the letter, with its end: mask, end mark and adapter are right."""
    store, corpus = filled(tmp_path / "lab.duckdb", 8, 0)
    profile = profiles.load(
        "tiny",
        {"method": "lora", "optimizer": "adamw", "lr": 1e-2, "batch_size": 8, "max_steps": 150, "epochs": 200}
        | {"lora.adapter": "kept", "lora.rank": 32, "lora.alpha": 32},
    )
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile, trainer="unsloth")
    assert run.status == "finished", run.error
    print(f"loss {run.detail['final_loss']:.4f} after {run.detail['steps']} steps, {run.detail['seconds']:.0f} s")
    assert run.detail["final_loss"] < 0.05
    models = trained_models(store, [run.run_key])
    done = evaluate_models(
        store, dataset="arith", split="train", models=models, decoder=Decoder(max_new_tokens=96), engine="vllm"
    )
    assert [e.status for e in done] == ["done"] * 2, [e.error for e in done]
    with store.read() as con:
        said = con.execute(
            "SELECT text, finish_reason FROM prediction JOIN evaluation USING (evaluation_key) WHERE run_key = ?",
            [run.run_key],
        ).fetchall()
    assert sorted(said) == sorted((row.completion, "stop") for row in corpus.rows)


def _questions(lab: Any) -> list[Any]:
    from cotdistill.tasks.datasets import arith

    return arith.questions("test", 60)


_PROMPTS = """
import json, sys
{first}
from pathlib import Path
from transformers import AutoTokenizer
from cotdistill.tasks import templates
path, texts = Path(sys.argv[1]), json.load(open(sys.argv[2]))
tokenizer = {tokenizer}
template = templates.resolve("plain", tokenizer)
pairs = [templates.encode_pair(tokenizer, template, text, "So 1 + 1 = 2. The answer is 2") for text in texts]
print("RESULT" + json.dumps(pairs))
"""
_UNSLOTH = """
sys.modules["vllm"] = None
import torch, unsloth
"""
_OF_UNSLOTH = "unsloth.FastLanguageModel.from_pretrained(str(path), dtype=torch.float32, load_in_4bit=False)[1]"


@pytest.mark.parametrize("library", ["unsloth", "vllm"])
def test_the_templates_bytes_are_the_same_in_every_environment(lab: Any, library: str, tmp_path: Path) -> None:
    """Prompt and completion as tokens: here, with the tokenizer that Unsloth itself loads, and where vLLM runs. (That
    vLLM read exactly the tokens it was given, its engine checks at every answer.)"""
    import subprocess

    from transformers import AutoTokenizer

    from cotdistill.tasks import templates
    from cotdistill.train import students

    base = students.locate(students.resolve_student("tiny"))
    texts = [question_text(question) for question in _questions(lab)]
    file = tmp_path / "texts.json"
    file.write_text(json.dumps(texts))
    here = AutoTokenizer.from_pretrained(base)
    template = templates.resolve("plain", here)
    expected = [list(templates.encode_pair(here, template, t, "So 1 + 1 = 2. The answer is 2")) for t in texts]
    script = _PROMPTS.format(
        first=_UNSLOTH if library == "unsloth" else "import vllm",
        tokenizer=_OF_UNSLOTH if library == "unsloth" else "AutoTokenizer.from_pretrained(path)",
    )
    python = environments.require(library).python
    done = subprocess.run([python, "-c", script, base, file], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert json.loads(line.removeprefix("RESULT")) == expected
