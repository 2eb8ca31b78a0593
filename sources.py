"""What the installed libraries can do with a student, read from their source: nothing of them is imported.

Unsloth cannot be imported without what it wants, vLLM ends some processes; their sources can always be read.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import environments

# The one place of each library that decides: what is read below.
_CAUSAL = ("models/auto/modeling_auto.py", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")
_UNSLOTH_LOADER = "models/loader.py"
_VLLM_REGISTRY = ("model_executor/models/registry.py", "_TEXT_GENERATION_MODELS")
_LORA = "SupportsLoRA"


@dataclass(frozen=True, slots=True)
class Engine:
    """What vLLM takes of an architecture: its weights, and an adapter on them."""

    weights: bool
    adapter: bool


def architecture(family: str, search: environments.Environment | None = None) -> str | None:
    """transformers' class for a causal language model of that model_type; None: there is none.

    Gemma 3's text models are called gemma3_text in their config.json and gemma3 in the registry of students: the class
    that reads text alone is meant.
    """
    found = _mapping(_root(search, "transformers"), *_CAUSAL)
    return found.get(f"{family}_text") or found.get(family)


def unsloth_kernels(environment: environments.Environment) -> frozenset[str]:
    """The families that Unsloth's CUDA loader has kernels of its own for; all others go its general way (FastModel)."""
    root = _root(environment, "unsloth")
    return _compared(root / _UNSLOTH_LOADER, "model_type") if root else frozenset()


def vllm_takes(environment: environments.Environment, model_class: str) -> Engine:
    """What vLLM says of `model_class`: whether it is in its registry, and whether its class supports LoRA."""
    root = _root(environment, "vllm")
    where = _mapping(root, *_VLLM_REGISTRY).get(model_class) if root else None
    if root is None or where is None:
        return Engine(False, False)
    module, name = where.split(":")
    return Engine(True, _LORA in _bases(root / "model_executor" / "models" / f"{module}.py", name))


def _root(environment: environments.Environment | None, package: str) -> Path | None:
    if environment is not None:
        return environment.package(package)
    import importlib.util

    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


@cache
def _mapping(root: Path | None, file: str, name: str) -> dict[str, str]:
    """A literal mapping in a source file, written as {...} or OrderedDict([...]); pairs of module and class
    become `module:class`."""
    for target, value in _assigned(root / file) if root else ():
        if target == name:
            literal = value.args[0] if isinstance(value, ast.Call) else value
            return dict(_pairs(literal))
    return {}


def _assigned(file: Path) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _pairs(literal: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(literal, ast.Dict):
        entries = [(key, value) for key, value in zip(literal.keys, literal.values, strict=True) if key is not None]
    elif isinstance(literal, ast.List):
        entries = [(e.elts[0], e.elts[1]) for e in literal.elts if isinstance(e, ast.Tuple) and len(e.elts) == 2]
    else:
        return
    for key, value in entries:
        words = [w.value for w in ast.walk(value) if isinstance(w, ast.Constant) and isinstance(w.value, str)]
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and words:
            yield key.value, ":".join(words)


def _compared(file: Path, variable: str) -> frozenset[str]:
    """The words that `variable` is compared with in the tests of a source file: `variable == "word"`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Name)
            and node.left.id == variable
            and isinstance(node.ops[0], ast.Eq)
            and isinstance(node.comparators[0], ast.Constant)
        ):
            found.add(str(node.comparators[0].value))
    return frozenset(found)


def _bases(file: Path, name: str) -> set[str]:
    """All ancestors of the class `name` that the same file names, and itself."""
    classes = {
        node.name: [b.id for b in node.bases if isinstance(b, ast.Name)]
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    found, left = set(), [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += classes.get(one, [])
    return found
