"""How a student is trained: named profiles (train/profiles/*.toml), overridable by flags, resolved to a frozen tree."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import ConfigError

FOLDER = Path(__file__).parent / "profiles"


class Lora(BaseModel):
    """Low-rank adapters (Hu et al. 2021)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0, description="scale: the adapter counts alpha / rank times")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    modules: str = Field(default="all-linear", description="peft's target_modules, comma-separated")
    base_bits: Literal[4, 16] = Field(
        default=16, description="4: the frozen base in 4 bits (QLoRA, Dettmers et al. 2023); unsloth on a GPU only"
    )
    adapter: Literal["merged", "kept"] = Field(
        default="merged", description="save a whole model, or the adapter alone beside its base"
    )


class Profile(BaseModel):
    """One training's settings. All but `log_every` and `checkpoint_every_s` are part of a run's identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["full", "lora"] = "full"
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon: Muon for the layers' matrices, AdamW for the rest"
    )
    lr: float = Field(default=5e-5, gt=0, description="of AdamW")
    muon_lr: float = Field(default=0.02, gt=0, description="of Muon, where it is used")
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: float = Field(default=0.0, ge=0, lt=1, description="of all steps")
    max_grad_norm: float = Field(default=1.0, gt=0)
    epochs: float = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1, description="stop after so many steps")
    batch_size: int = Field(default=8, ge=1)
    accumulate: int = Field(default=1, ge=1, description="batches for one step")
    max_tokens: int = Field(default=1024, ge=8, description="longer pairs are cut at their end")
    group_by_length: bool = Field(default=False, description="batches of like lengths: less padding")
    freeze_embeddings: bool = False
    gradient_checkpointing: bool = False
    dtype: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32",
        description="auto: bfloat16 where a GPU has it, else float32; bfloat16: for LoRA on a CPU that has it, too",
    )
    template: str = Field(default="auto", description="auto: the student's own (train/students.toml)")
    lora: Lora = Lora()
    log_every: int = Field(default=1, ge=1, description="steps between two recorded losses")
    checkpoint_every_s: float | None = Field(
        default=120.0, gt=0, description="seconds between two checkpoints; the last two are kept until a run finishes"
    )

    def identity(self) -> dict[str, Any]:
        """What goes into a run's key: all settings that change the weights."""
        settings = self.model_dump(mode="json", exclude={"log_every", "checkpoint_every_s"})
        if self.method == "full":
            del settings["lora"]
        elif self.lora.base_bits == 16:
            del settings["lora"]["base_bits"]
        return settings


def names() -> list[str]:
    """The profiles that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def changed(profile: Profile, overrides: Mapping[str, Any]) -> Profile:
    """`profile` with `overrides` (setting -> value; None: as it is). ConfigError: unknown, or out of range."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Profile.model_validate({**profile.model_dump(), **given})
    except ValidationError as error:
        raise ConfigError(_wrong("of the newest run", error)) from error


def load(name: str, overrides: Mapping[str, Any] | None = None) -> Profile:
    """The profile `name`, or a TOML file, with `overrides` (setting -> value; "lora.rank" for nested ones).

    An override of None is no override. ConfigError: unknown profile or setting, or a value out of range.
    """
    path = FOLDER / f"{name}.toml" if not name.endswith(".toml") else Path(name)
    if not path.is_file():
        raise ConfigError(
            f"no training profile {name!r}. Known: {', '.join(names())}. Next: --profile NAME or FILE.toml"
        )
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    for key, value in (overrides or {}).items():
        if value is None:
            continue
        place = settings
        *outer, last = key.split(".")
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    try:
        return Profile.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(_wrong(name, error)) from error


def _wrong(name: str, error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return (
        f"training profile {name}: {where} = {first['input']!r}: {first['msg']}. "
        f"Known settings: {', '.join(Profile.model_fields)}"
    )
