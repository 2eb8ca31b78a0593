"""The house: which folder may import which, how large a file may be, and that the package lists all of itself."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("tasks", "clients", "store", "gen", "train", "evaluate", "analysis", "study", "commands")
# What each folder may import, besides itself and errors. The stages meet only in the store.
ARROWS = {
    "tasks": set(),
    "clients": {"tasks.values"},
    "store": {"tasks"},
    "gen": {"tasks", "clients", "store"},
    "train": {"tasks", "clients", "store", "workers", "environments", "sources"},
    "evaluate": {"tasks", "clients", "store", "workers", "environments", "sources"},
    "analysis": {"tasks", "store"},
    "study": {"tasks", "store", "gen", "train", "evaluate", "analysis"},
    "commands": {
        "tasks",
        "clients",
        "store",
        "gen",
        "train",
        "evaluate",
        "analysis",
        "study",
        "workers",
        "environments",
        "",
    },
}
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "vllm", "unsloth", "altair", "vl_convert", "math_verify"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> list[str]:
    """Our own modules that a file imports, as dotted names from the root, wherever in the file."""
    package = list(path.relative_to(ROOT).parent.parts)
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            if node.module:
                found.append(".".join([*base, node.module]))
            else:
                found += [".".join([*base, alias.name]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cotdistill":
            found.append((node.module or "")[len("cotdistill") :].lstrip("."))
        elif isinstance(node, ast.Import):
            found += [alias.name[len("cotdistill.") :] for alias in node.names if alias.name.startswith("cotdistill.")]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_follow_the_arrows(folder: str) -> None:
    for path in modules(folder):
        for name in imports(path):
            top = name.split(".")[0]
            allowed = ARROWS[folder] | {folder, "errors"}
            ok = top in allowed or any(name == a or name.startswith(a + ".") for a in allowed if a)
            ok = ok or (top == "__version__" and folder == "commands")
            assert ok, f"{path.relative_to(ROOT)} imports {name}; {folder} may import {sorted(allowed)}"


def test_the_walker_sees_a_wrong_arrow() -> None:
    """A check that cannot fail is none: gen's own import of the store is what it reads."""
    assert "store.store" in imports(ROOT / "gen" / "harvest.py")


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f not in ("train", "evaluate")])
def test_nothing_heavy_is_imported_at_the_top_of_a_light_folder(folder: str) -> None:
    for path in modules(folder):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            heavy = {n.split(".")[0] for n in names} & HEAVY
            assert not heavy, f"{path.relative_to(ROOT)} imports {heavy} at its top"


def test_the_command_line_starts_without_anything_heavy() -> None:
    code = "import sys, cotdistill.cli; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & (HEAVY | {"duckdb", "polars", "openai", "httpx", "pydantic", "rich"})


def test_every_package_folder_is_listed_for_the_wheel() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {"cotdistill"}
    for folder in FOLDERS:
        for path in [ROOT / folder, *(p for p in (ROOT / folder).rglob("*") if p.is_dir())]:
            if (path / "__init__.py").exists():
                there.add("cotdistill." + ".".join(path.relative_to(ROOT).parts))
    assert listed == there


def test_the_root_imports_nothing_of_ours_when_it_is_imported() -> None:
    body = ast.parse((ROOT / "__init__.py").read_text()).body
    assert not [
        n for n in body if isinstance(n, ast.ImportFrom) and (n.level or (n.module or "").startswith("cotdistill"))
    ]


def test_every_module_opens_with_its_purpose() -> None:
    for folder in FOLDERS:
        for path in modules(folder):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_every_sql_file_opens_with_its_question() -> None:
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.sql")]
    assert len(files) > 10
    for path in files:
        assert path.read_text().startswith("--"), path
