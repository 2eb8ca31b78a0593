"""The card's examples: how each reader loads the files of an export, with their real names."""

import json
from collections.abc import Mapping
from typing import Any

from .formats import FORMATS


def on_the_hub(files: Mapping[str, Any]) -> dict[str, Any]:
    """The files that get a configuration in the card: `datasets` reads a repository by one builder, JSON or Parquet, so
    that Parquet files beside JSON ones are loaded by their names."""
    json_files = {name: e for name, e in files.items() if e["format"] != "parquet"}
    return json_files or dict(files)


def how_to_load(manifest: Mapping[str, Any]) -> str:
    """One block per reader of the formats that are there, for the first corpus in each."""
    first: dict[str, tuple[str, dict[str, str]]] = {}
    for name, entry in manifest["files"].items():
        stem, splits = first.setdefault(entry["format"], (entry["corpus"], {}))
        if stem == entry["corpus"]:
            splits[entry["split"]] = name
    blocks = [
        block
        for format, (stem, splits) in first.items()
        for block in (_llamafactory(format, stem, splits), _trl(format, stem, splits), _axolotl(format, stem, splits))
        if block
    ]
    configured = {entry["format"] for entry in on_the_hub(manifest["files"]).values()}
    format, (stem, splits) = next((f, about) for f, about in first.items() if f in configured)
    blocks.append(_datasets(format, stem, splits))
    if "parquet" in first and format != "parquet":
        blocks.append(_parquet(first["parquet"][1]))
    return "\n\n".join([*blocks, *(_polars(f, names) for f, (_, names) in first.items())])


def _llamafactory(format: str, stem: str, splits: Mapping[str, str]) -> str:
    if FORMATS[format].listing is None:
        return ""
    key = FORMATS[format].key
    held_out = f" --eval_dataset {key(stem, 'validation')}" if "validation" in splits else ""
    return _block(
        f"LLaMA-Factory ({format})",
        "sh",
        f"llamafactory-cli train --stage sft --do_train --model_name_or_path MODEL --template TEMPLATE \\\n"
        f"  --dataset_dir . --dataset {key(stem)}{held_out} --output_dir OUT",
    )


def _trl(format: str, stem: str, splits: Mapping[str, str]) -> str:
    if format not in ("chat", "prompt-completion"):
        return ""
    held_out = ', eval_dataset=data["validation"]' if "validation" in splits else ""
    return _block(
        f"TRL ({format})",
        "python",
        "from datasets import load_dataset\nfrom trl import SFTTrainer\n\n"
        f'data = load_dataset(".", "{FORMATS[format].key(stem)}")\n'
        f'SFTTrainer(model="MODEL", train_dataset=data["train"]{held_out}).train()',
    )


def _axolotl(format: str, stem: str, splits: Mapping[str, str]) -> str:
    kinds = {
        "alpaca": "    type: alpaca",
        "sharegpt": "    type: chat_template\n    field_messages: conversations\n"
        "    message_property_mappings: {role: from, content: value}",
        "chat": "    type: chat_template\n    field_messages: messages",
    }
    if format not in kinds or "train" not in splits:
        return ""
    return _block(
        f"Axolotl ({format})", "yaml", f"datasets:\n  - path: {splits['train']}\n    ds_type: json\n{kinds[format]}"
    )


def _datasets(format: str, stem: str, splits: Mapping[str, str]) -> str:
    return _block(
        "datasets (`.` is this folder; on the hub, the repository's name)",
        "python",
        f'from datasets import load_dataset\n\ndata = load_dataset(".", "{FORMATS[format].key(stem)}")',
    )


def _parquet(splits: Mapping[str, str]) -> str:
    return _block(
        "datasets (parquet, beside JSON files)",
        "python",
        f'from datasets import load_dataset\n\ndata = load_dataset("parquet", data_files={json.dumps(splits)})',
    )


def _polars(format: str, splits: Mapping[str, str]) -> str:
    name = next(iter(splits.values()))
    reader = {".json": "read_json", ".jsonl": "read_ndjson", ".parquet": "read_parquet"}[FORMATS[format].extension]
    return _block(f"polars ({format})", "python", f'import polars as pl\n\nframe = pl.{reader}("{name}")')


def _block(title: str, language: str, text: str) -> str:
    return f"{title}:\n\n```{language}\n{text}\n```"
