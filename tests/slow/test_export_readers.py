"""Real readers of an export: LLaMA-Factory, TRL and datasets load every file of every format, byte for byte.

LLaMA-Factory lives in an environment of its own, which `just setup llamafactory` makes beside .venv; without it that
test is skipped.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from export_lab import CELL, HOSTILE, fill, with_validation

from cotdistill import environments
from cotdistill.store.cells import Cell
from cotdistill.store.export import Exported, export
from cotdistill.store.export_rows import Recorded
from cotdistill.store.formats import FORMATS
from cotdistill.tasks.values import Recipe

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent
STUDENT = ROOT / "train" / "tiny"
# Texts that readers take for something else when a whole column looks so.
GUESSED = {"dates": ["2024-05-01", "2024-05-02T10:00:00", "2024-05-03"], "numbers": ["4", "004", "1e5"]}
CHATML = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Lab:
    """One folder with every format of four corpora, and what each (key of a split's file) has to say."""

    folder: Path
    files: list[Exported]
    pairs: dict[str, Pairs]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    home = tmp_path_factory.mktemp("readers")
    folder, files = home / "out", []
    pairs: dict[str, Pairs] = {}
    for name, said in {"hostile": HOSTILE, **GUESSED}.items():
        store, corpus = fill(home / f"{name}.duckdb", said, Cell(name, CELL.teacher, Recipe(2, "original", "no", "1")))
        rows = [(r.prompt, r.completion) for r in corpus.rows]
        chosen = [Recorded(corpus.corpus_hash, name, {}, {})]
        split: dict[str, Pairs] = {f"{name}.train": rows}
        if name == "hostile":
            chosen.append(with_validation(store, corpus, "split"))
            split["split.train"] = [p for i, p in enumerate(rows) if i % 3 != 1]
            split["split.validation"] = [p for i, p in enumerate(rows) if i % 3 == 1]
        made = export(store, chosen, folder, list(FORMATS))
        files += made
        pairs |= {file.key: split[f"{file.corpus}.{file.split}"] for file in made}
    assert len(files) == 5 * len(FORMATS)
    return Lab(folder, files, pairs)


def test_datasets_loads_every_configuration_of_the_card(lab: Lab, tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    configs = get_dataset_config_names(str(lab.folder))
    assert set(configs) == {f.key for f in lab.files if f.split == "train" and f.format != "parquet"}
    n = 0
    for file in lab.files:
        if file.format == "parquet":  # one builder a repository: beside JSON files, by its name
            loaded = load_dataset("parquet", data_files=str(file.path), split="train", cache_dir=str(tmp_path))
        elif file.corpus == "dates":  # pyarrow's JSON reader takes a column of nothing else for times
            continue
        else:
            config = FORMATS[file.format].key(file.corpus)
            loaded = load_dataset(str(lab.folder), config, split=file.split, cache_dir=str(tmp_path))
        assert len(loaded) == file.n_rows
        assert [pair_of(row, file.format) for row in loaded] == lab.pairs[file.key], file.key
        n += len(loaded)
    assert n == sum(file.n_rows for file in lab.files if file.corpus != "dates" or file.format == "parquet")


def test_datasets_loads_a_folder_of_parquet_by_its_card(lab: Lab, tmp_path: Path) -> None:
    from datasets import load_dataset

    store, corpus = fill(tmp_path / "store.duckdb")
    [train, validation] = export(store, [with_validation(store, corpus)], tmp_path / "out", ["parquet"])
    data = load_dataset(str(tmp_path / "out"), train.key, cache_dir=str(tmp_path / "cache"))
    rows = [(r.prompt, r.completion) for r in corpus.rows]
    for file in (train, validation):
        held_out = [p for i, p in enumerate(rows) if (i % 3 == 1) == (file.split == "validation")]
        assert [pair_of(row, "parquet") for row in data[file.split]] == held_out


def pair_of(row: dict[str, Any], format: str) -> tuple[str, str]:
    match format:
        case "alpaca":
            assert row["input"] == ""
            return row["instruction"], row["output"]
        case "sharegpt":
            assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
            return tuple(turn["value"] for turn in row["conversations"])  # type: ignore[return-value]
        case "chat":
            assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
            return tuple(turn["content"] for turn in row["messages"])  # type: ignore[return-value]
        case _:
            return row["prompt"], row["completion"]


@pytest.mark.parametrize("corpus", ["hostile", "split", "numbers"])
@pytest.mark.parametrize("format", ["chat", "prompt-completion"])
def test_trl_prepares_every_row_and_would_train_on_its_text(
    lab: Lab, tmp_path: Path, format: str, corpus: str, recwarn: pytest.WarningsRecorder
) -> None:
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(STUDENT)
    tokenizer.chat_template = CHATML
    key = FORMATS[format].key(corpus)
    data = load_dataset(str(lab.folder), key, cache_dir=str(tmp_path / "cache"))
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(STUDENT),
        args=SFTConfig(output_dir=str(tmp_path), max_length=None, use_cpu=True, bf16=False, report_to="none"),
        train_dataset=data["train"],
        eval_dataset=data.get("validation"),
        processing_class=tokenizer,
    )
    prepared = {"train": trainer.train_dataset} | ({"validation": trainer.eval_dataset} if corpus == "split" else {})
    for split, rows in prepared.items():
        pairs = lab.pairs[FORMATS[format].key(corpus, split)]
        assert len(rows) == len(pairs)
        for row, (prompt, completion) in zip(rows, pairs, strict=True):
            if format == "chat":
                assert tokenizer.decode(row["input_ids"]).startswith(f"<|user|>{prompt}\n<|assistant|>{completion}\n")
                continue
            taught = [i for i, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
            asked = [i for i, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100]
            assert tokenizer.decode(asked, skip_special_tokens=True) == prompt
            assert tokenizer.decode(taught, skip_special_tokens=True) == completion


@pytest.fixture(scope="module")
def reader() -> Path:
    """The Python with LLaMA-Factory."""
    found = environments.find("llamafactory")
    if found is None:
        pytest.skip("LLaMA-Factory is not installed. Next: just setup llamafactory")
    return Path(found.python)


def run(reader: Path, *words: str, home: Path) -> None:
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH",)}
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [str(reader), *words], capture_output=True, text=True, timeout=900, check=False, env=plain | quiet
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_llamafactory_reads_every_entry_of_dataset_info(lab: Lab, tmp_path: Path, reader: Path) -> None:
    listed = set(json.loads((lab.folder / "dataset_info.json").read_text()))
    assert listed == {file.key for file in lab.files if file.format in ("alpaca", "sharegpt")}
    out = tmp_path / "read.json"
    script = Path(__file__).parent / "read_with_llamafactory.py"
    run(reader, str(script), str(lab.folder), str(STUDENT), str(out), *sorted(listed), home=tmp_path / "hf")
    found = json.loads(out.read_text(encoding="utf-8"))
    assert set(found) == listed
    for key, read in found.items():
        assert [tuple(pair) for pair in read["pairs"]] == lab.pairs[key], key
        assert read["turns"] == [[1, 1]]
        assert [text.strip() for text in read["trained"]] == [text.strip() for _, text in lab.pairs[key]], key
