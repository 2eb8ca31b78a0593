"""Run by lm-evaluation-harness' own Python: one local task, greedy, samples as JSON lines.

Arguments: model directory, questions (JSON lines: prompt, gold), tokens at most, file to write.
"""

import json
import sys
from pathlib import Path

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

# The first number after "The answer is": the strict rule of the paper, in the harness' own words.
ANSWER = r"The answer is\s*(-?[0-9][0-9,]*(?:\.[0-9]+)?)"


def main(model: str, questions: str, most: str, out: str) -> None:
    task = {
        "task": "local_arith",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": questions}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{gold}}",
        "generation_kwargs": {"until": ["<eos>"], "do_sample": False, "max_gen_toks": int(most)},
        "filter_list": [
            {
                "name": "strict",
                "filter": [{"function": "regex", "regex_pattern": ANSWER}, {"function": "take_first"}],
            }
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    served = HFLM(pretrained=model, dtype="float32", batch_size=16, device="cpu", add_bos_token=True)
    found = lm_eval.simple_evaluate(
        model=served,
        tasks=[task],
        task_manager=TaskManager(include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    with Path(out).open("w", encoding="utf-8") as file:
        for sample in found["samples"]["local_arith"]:
            row = {k: sample[k] for k in ("doc", "target", "resps", "filtered_resps", "exact_match")}
            row["keys"] = sorted(sample)
            row["prompt"] = sample["arguments"][0][0]
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
