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
