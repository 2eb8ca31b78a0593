"""Training with Unsloth: its loader, its LoRA and its kernels.

Rows, loss mask, order, recording and saving are those of the trl trainer: the two differ in nothing else. With a GPU:
bf16 where the card has it, else fp16; Unsloth's own gradient checkpointing; QLoRA (`lora.base_bits = 4`). On a CPU:
float32, on transformers and PEFT with a chunked loss (docs/design/09-engines.md).
Unsloth patches transformers and TRL in its process, which therefore trains with nothing else.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..errors import TrainError
from . import sft
from .profiles import Profile

NAME = "unsloth"


def check(profile: Profile, *, gpu: bool) -> None:
    """TrainError where Unsloth cannot train as `profile` says on this machine."""
    if profile.lora.base_bits == 4 and profile.method == "lora":
        if not gpu:
            raise TrainError(
                "lora.base_bits = 4 (QLoRA) needs a CUDA device, and there is none. Next: lora.base_bits = 16"
            )
        if profile.lora.adapter != "kept":
            raise TrainError(
                "an adapter on a base in 4 bits cannot be merged into it without loss. Next: lora.adapter = 'kept'"
            )


def load_base(path: Path, dtype: str) -> sft.Base:
    """The base in `path`; every run loads it anew, because Unsloth's patches do not survive a copy.

    TrainError when Unsloth or the model cannot be loaded.
    """
    library = _unsloth()
    import torch
    from transformers import AutoTokenizer

    gpu = torch.cuda.is_available()
    if not gpu:
        torch.set_num_threads(1)
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"cannot load the tokenizer in {path}: {error}. Next: --student DIR with a tokenizer"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token

    def make(profile: Profile, seed: int) -> Any:
        check(profile, gpu=gpu)
        try:
            model, _ = library.FastLanguageModel.from_pretrained(**loading(path, profile, dtype, gpu=gpu))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise TrainError(f"Unsloth cannot load the student in {path}: {first}. Next: --trainer trl") from error
        if profile.method == "lora":
            model = library.FastLanguageModel.get_peft_model(model, **adapting(profile, seed))
        return model

    return sft.Base(path, tokenizer, None, "cuda" if gpu else "cpu", make)


def loading(path: Path, profile: Profile, dtype: str, *, gpu: bool) -> dict[str, Any]:
    """The arguments of FastLanguageModel.from_pretrained. dtype None: Unsloth chooses bf16 or fp16 by the card."""
    import torch

    wide = not gpu or dtype == "float32"
    return {
        "model_name": str(path),
        "max_seq_length": profile.max_tokens,
        "dtype": torch.float32 if wide else {"bfloat16": torch.bfloat16}.get(dtype),
        "load_in_4bit": profile.method == "lora" and profile.lora.base_bits == 4,
        "full_finetuning": profile.method == "full",
        "use_gradient_checkpointing": checkpointing(profile),
        "fast_inference": False,
    }


def adapting(profile: Profile, seed: int) -> dict[str, Any]:
    """The arguments of FastLanguageModel.get_peft_model."""
    return {
        "r": profile.lora.rank,
        "lora_alpha": profile.lora.alpha,
        "lora_dropout": profile.lora.dropout,
        "target_modules": sft.lora_targets(profile),
        "bias": "none",
        "use_gradient_checkpointing": checkpointing(profile),
        "random_state": seed,
    }


def checkpointing(profile: Profile) -> str | bool:
    """Unsloth's own gradient checkpointing ("unsloth": activations go to the computer's memory), or none."""
    return "unsloth" if profile.gradient_checkpointing else False


def _unsloth() -> Any:
    """Import Unsloth, before anything it patches is used. vLLM is hidden from it: on a CPU without AVX-512, importing
    vLLM's kernels ends the process, and nothing here generates."""
    if "vllm" not in sys.modules:
        sys.modules["vllm"] = None  # type: ignore[assignment]
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(Path(tempfile.gettempdir()) / f"unsloth-{os.getuid()}"))
    try:
        import unsloth
    except ImportError as error:
        raise TrainError(f"Unsloth cannot be imported ({error}). Next: just setup cpu, or just setup cuda") from error
    return unsloth
