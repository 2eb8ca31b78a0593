"""Run by the Python that has LLaMA-Factory: read_with_llamafactory.py FOLDER STUDENT OUT KEY ...

Writes to OUT, as JSON, what LLaMA-Factory makes of each key of FOLDER's dataset_info.json: the texts it aligned and
those it would train on.
"""

import importlib.machinery
import json
import sys
import types
from pathlib import Path


def main(folder: str, student: str, out: str, keys: list[str]) -> None:
    audio = types.ModuleType("torchaudio")  # imported for audio alone; its wheels are for CUDA
    audio.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = audio
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.hparams import get_train_args
    from transformers import AutoTokenizer

    found = {}
    for key in keys:
        args = {"stage": "sft", "do_train": True, "model_name_or_path": student, "dataset_dir": folder, "dataset": key}
        args |= {"template": "alpaca", "cutoff_len": 200_000, "output_dir": f"{out}.runs", "use_cpu": True}
        args |= {"overwrite_cache": True, "report_to": "none", "bf16": False, "fp16": False}
        model_args, data_args, training_args, _, _ = get_train_args(args)
        tokenizer = AutoTokenizer.from_pretrained(student)
        template = get_template_and_fix_tokenizer(tokenizer, data_args)
        aligned = _get_merged_dataset(data_args.dataset, model_args, data_args, training_args, "sft")
        module = get_dataset(template, model_args, data_args, training_args, "sft", tokenizer=tokenizer)
        trained = [
            tokenizer.decode([label for label in row["labels"] if label >= 0], skip_special_tokens=True)
            for row in module["train_dataset"]
        ]
        found[key] = {
            "pairs": [(row["_prompt"][0]["content"], row["_response"][0]["content"]) for row in aligned],
            "turns": sorted({(len(row["_prompt"]), len(row["_response"])) for row in aligned}),
            "trained": trained,
        }
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
