"""An adapter that vLLM does not take (BLOOM's: its class has no LoRA) is merged into its base, once, beside its run."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import environments, sources
from ..errors import EvaluationError
from ..tasks import modeldir
from .models import Model


def for_vllm(model: Model, environment: environments.Environment, runs: Path, say: Callable[[str], None]) -> Model:
    """`model` as vLLM can load it: itself, or its merged weights where its architecture takes no adapter. What it is
    called (weights hash, run) stays: it is the same model. EvaluationError: it cannot be merged."""
    if model.adapter is None or model.run_key is None:
        return model
    name = sources.architecture(modeldir.family(model.path) or "")
    takes = sources.vllm_takes(environment, name) if name else None
    if takes is None or takes.adapter or not takes.weights:
        return model
    folder = runs / model.run_key / "merged"
    if not folder.is_dir():
        say(f"{model.student}: vLLM takes no adapter of {name}; merging it into its base in {folder}")
        _merge(model.path, model.adapter, folder)
    return replace(model, path=folder, adapter=None)


def _merge(base: Path, adapter: Path, folder: Path) -> None:
    """Write the merged model whole or not at all."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    partial = folder.with_name("merged.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(partial, safe_serialization=True)
        AutoTokenizer.from_pretrained(adapter).save_pretrained(partial)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise EvaluationError(
            f"cannot merge the adapter in {adapter} into {base}: {error}. Next: --engine transformers"
        ) from error
    partial.rename(folder)
