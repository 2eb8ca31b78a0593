"""Which graphics cards a training may use: `--gpus 0,1,2,3`."""

import shutil
import subprocess

from ..errors import ConfigError


def chosen(text: str | None) -> tuple[str, ...]:
    """The cards named in `text`, as CUDA numbers them. ConfigError: not a list of numbers, or no such card."""
    if text is None:
        return ()
    named = tuple(part.strip() for part in text.split(","))
    if not all(part.isdecimal() for part in named) or len(set(named)) < len(named):
        raise ConfigError(f"--gpus {text!r} is not a list of different cards. Next: --gpus 0,1")
    n = count()
    if missing := [part for part in named if int(part) >= n]:
        has = f"cards 0 to {n - 1}" if n else "no card"
        raise ConfigError(f"--gpus {text}: there is no card {missing[0]}; nvidia-smi lists {has}. Next: nvidia-smi -L")
    return named


def count() -> int:
    """How many cards nvidia-smi lists; 0 where there is none of it."""
    if shutil.which("nvidia-smi") is None:
        return 0
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())
