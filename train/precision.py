"""Which numbers a training computes with: by its profile, and by what the machine multiplies fast.

bfloat16 has float32's range and a third of its digits. GPUs since 2020 have units for it, and so have some processors
(AVX-512 BF16, AMX); another CPU emulates it, several times slower than float32. On a CPU it serves LoRA alone. What it
buys: docs/design/10-training.md.
"""

from typing import Any, Literal

from .profiles import Profile

Numbers = Literal["float32", "bfloat16"]
_UNITS = ("avx512_bf16", "amx_bf16")


def multiplied(profile: Profile) -> Numbers:
    """What the trl trainer multiplies in on this machine."""
    import torch

    if profile.dtype == "float32":
        return "float32"
    if torch.cuda.is_available():
        return "bfloat16" if profile.dtype == "bfloat16" or torch.cuda.is_bf16_supported() else "float32"
    asked = profile.dtype == "bfloat16" and profile.method == "lora"  # auto: never on a CPU, where it learns less
    return "bfloat16" if asked and has_units() else "float32"


def kept(profile: Profile) -> Numbers:
    """What the base's weights are kept in: narrow where they are frozen. What is learned is float32 always: most steps
    are smaller than the distance between two numbers of bfloat16."""
    return multiplied(profile) if profile.method == "lora" else "float32"


def has_units() -> bool:
    """Whether this processor multiplies bfloat16 by itself."""
    import torch

    known: dict[str, Any] = torch.cpu.get_capabilities()
    return any(known.get(unit, False) for unit in _UNITS)
