"""A Hugging Face model directory: which of its files make the model what it is, and their hash."""

import json
from pathlib import Path

from ..errors import ConfigError
from . import keys

_KEPT = ("*.safetensors", "*.bin", "*.json", "*.model", "*.jinja", "vocab.txt", "merges.txt")
_NOT_MODEL = ("trainer_state.json", "training_args.bin")


def model_files(path: Path) -> list[Path]:
    """The files of weights, configuration and tokenizer, by name."""
    found = {file for pattern in _KEPT for file in path.glob(pattern) if file.is_file()}
    return sorted((file for file in found if file.name not in _NOT_MODEL), key=lambda file: file.name)


def weights_hash(path: Path, base: str | None = None) -> str:
    """The identity of a model: names and contents of its files; for an adapter with the hash of its `base`."""
    own = keys.files_hash(model_files(path))
    return own if base is None else keys.digest("adapter", base, own)


def check(path: Path) -> None:
    """ConfigError unless `path` is a model directory (config, weights, tokenizer) or an adapter with a tokenizer."""
    missing = [
        what
        for what, patterns in (
            ("config.json", ("config.json", "adapter_config.json")),
            ("weights (*.safetensors)", ("*.safetensors", "*.bin")),
            ("a tokenizer (tokenizer.json)", ("tokenizer.json", "tokenizer_config.json", "*.model")),
        )
        if not any(any(path.glob(pattern)) for pattern in patterns)
    ]
    if missing:
        raise ConfigError(
            f"{path} is no Hugging Face model directory: it lacks {', '.join(missing)}. Next: --student DIR with those"
        )
    config = path / "config.json"
    try:
        if config.exists():
            json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{config} is not JSON ({error}). Next: fetch the model again") from error


def family(path: Path) -> str | None:
    """transformers' model_type of the model in `path`; None where its config.json does not say."""
    config = path / "config.json"
    if not config.exists():
        return None
    found = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    return str(found) if found else None


def misfit(adapter: Path, base: Path) -> str | None:
    """Why the LoRA adapter cannot be one of this base: a layer the base lacks, or has in another size. None: it fits.

    Read from the safetensors' headers alone; weights in other files are not looked at.
    """
    there = shapes(base)
    for name, shape in shapes(adapter).items():
        layer, dot, part = name.removeprefix("base_model.model.").rpartition(".lora_")
        if not dot or not part.startswith(("A", "B")) or len(shape) != 2 or not there:
            continue
        wanted = there.get(f"{layer}.weight") or there.get(f"{layer.partition('.')[2]}.weight")
        if wanted is None:
            return f"it has no layer {layer}"
        ours, theirs = (shape[1], wanted[-1]) if part.startswith("A") else (shape[0], wanted[0])
        if ours != theirs:
            return f"{layer} is {wanted[0]} x {wanted[-1]} there, and the adapter is for {ours}"
    return None


def shapes(path: Path) -> dict[str, list[int]]:
    """The shape of every tensor in the directory's safetensors files. ConfigError: a file that is none."""
    found: dict[str, list[int]] = {}
    for file in sorted(path.glob("*.safetensors")):
        try:
            with file.open("rb") as opened:
                size = int.from_bytes(opened.read(8), "little")
                header = json.loads(opened.read(size)) if size < 1 << 28 else {}
            found |= {name: list(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise ConfigError(f"{file} is no safetensors file. Next: copy or train it again") from error
    return found
