"""What the strict teacher writes for two problems, word for word: a change of wording shows as a diff of the file."""

from pathlib import Path

from cotdistill.gen.builtin.solver import solve
from cotdistill.gen.builtin.writer import FORMATS, seed_for, write

GOLDEN = Path(__file__).with_name("builtin_rationales.txt")
PROBLEMS = (
    "Tom has 4 apples. Tom finds 16 more apples. Tom gives 5 apples to Ann. How many apples does Tom have now?",
    "Ida fills 2 bags with 4 balls each. Ben has 3 fewer balls than Ida. Later Ben receives 9 balls. "
    "How many balls does Ben have in the end?",
)


def test_strict_rationales_are_as_written_down() -> None:
    lines = []
    for problem in PROBLEMS:
        lines += [f"# {problem}", ""]
        for format in FORMATS:
            for level in (3,) if format == "answer-only" else range(1, 7):
                text = write(solve(problem), level, format, "strict", seed_for(0))
                lines += [f"[{format}, level {level}]" if format != "answer-only" else f"[{format}]", text, ""]
    assert "\n".join(lines) == GOLDEN.read_text(encoding="utf-8")
