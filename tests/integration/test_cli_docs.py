"""The command line's own words: every verb has help with an example; what the README types exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERBS = [
    "questions load", "questions add", "questions list", "import paper", "import rationales", "prompts show",
    "prompts list", "prompts check", "teachers", "generate", "collect",
    "corpus create", "corpus list", "corpus show", "corpus rules", "ingest", "store export", "store import",
    "store check", "store backup", "store vacuum", "status", "audit", "export", "train",
    "runs", "evaluate", "evaluate teacher", "evaluate score", "predictions",
    "study plan", "study run", "study status", "study holes", "study report", "study init", "study search",
    "analyze", "compare", "recommend", "report", "sql", "demo", "serve-teacher", "doctor",
]  # fmt: skip


def help_of(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    return done.stdout


def test_the_verbs_are_these_and_no_others() -> None:
    shown = set(re.findall(r"^│ ([a-z][a-z-]*)  ", help_of(), re.MULTILINE))
    assert shown == {verb.split()[0] for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_that_names_it(verb: str) -> None:
    text = help_of(*verb.split())
    assert f"Example: cotdistill {verb}" in " ".join(text.split())
    assert "--store" in text
    if verb not in ("serve-teacher", "demo", "report"):
        assert "--json" in text


def test_every_recipe_of_the_readme_is_in_the_justfile() -> None:
    recipes = set(re.findall(r"^([a-z][a-z-]*)(?: [^:\n]*)?:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bjust ([a-z][a-z-]*)", README))
    assert named
    assert named <= recipes


def test_every_flag_the_readme_types_exists() -> None:
    for verb, words in re.findall(r"\bjust ([a-z]+) ((?:[a-z-]+=\S+ ?)+)", README):
        known = help_of("generate" if verb == "plan" else verb)
        for name in re.findall(r"([a-z-]+)=", words):
            assert f"--{name}" in known, f"just {verb} {name}=..."


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://arxiv.org/") or (ROOT / target).exists(), target
