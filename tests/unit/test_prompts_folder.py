"""A folder of prompts of one's own: what it adds, what it replaces, its version, and errors that name file and line."""

import re
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen.prompts import FORMATS, PROMPT_VERSION, build, load_prompts, recipes, shipped
from cotdistill.gen.samples import SAMPLES
from cotdistill.store.cells import Cell

DOCS = Path(__file__).parent.parent.parent / "docs" / "prompts"
NUMBER = SAMPLES["number"]
STEP = '[[step]]\nlevels = [1, 2]\nsay = "6 * 4 = 24 eggs."\ncode = "eggs = 6 * 4"\n'


def write(folder: Path, **files: str) -> Path:
    """A folder with files; `levels__1_brief` is levels/1-brief.txt, `examples__number` examples/number.toml."""
    for name, text in files.items():
        place, _, stem = name.partition("__")
        file = folder / place / f"{stem.replace('_', '-')}.{'toml' if place == 'examples' else 'txt'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def system(folder: Path, level: int, format: str) -> str:
    prompts = load_prompts(folder)
    [recipe] = recipes([level], [format], "no", prompts)
    return build(NUMBER, recipe, prompts)[0].content


def test_a_format_is_added_and_the_others_stay() -> None:
    prompts = load_prompts(DOCS / "self-ask")
    assert prompts.format_names == (*FORMATS, "self-ask")
    text = system(DOCS / "self-ask", 3, "self-ask")
    assert "Format: self-ask. Ask yourself the follow-up questions" in text
    assert "Follow up: How many bowls are fired?\nFound: 14 * 6 = 84 bowls are fired.\n" in text
    [old, new] = recipes([3], ["original", "self-ask"], "no", prompts)
    assert old.prompt_version == PROMPT_VERSION
    assert re.fullmatch(rf"{PROMPT_VERSION}\+[0-9a-f]{{8}}", new.prompt_version)
    assert build(NUMBER, old, prompts) == build(NUMBER, old)


def test_levels_are_replaced_with_their_names_and_examples() -> None:
    prompts = load_prompts(DOCS / "three-levels")
    assert [level.name for level in prompts.levels] == ["brief", "normal", "full"]
    assert prompts.find_levels(["full", "1"]) == [3, 1]
    text = system(DOCS / "three-levels", 2, "least-to-most")
    assert "Granularity: level 2 of 3 (normal). Write one step for each operation" in text
    assert "How many cars have crossed?\n12 * 7 = 84 cars have crossed.\n" in text
    with pytest.raises(ConfigError, match=r"unknown level 4. Levels are 1 \(brief\), 2 \(normal\)"):
        recipes([4], ["original"], "no", prompts)
    [recipe] = recipes([2], ["original"], "no", prompts)
    bare = build(SAMPLES["text"], recipe, prompts)[0].content
    assert "Example" not in bare and "level 2 of 3" in bare
    baseline = recipes([1], ["answer-only"], "no", prompts)
    assert baseline == recipes([1], ["answer-only"], "no")
    assert build(NUMBER, baseline[0], prompts) == build(NUMBER, baseline[0])


def test_any_number_of_levels(tmp_path: Path) -> None:
    write(tmp_path, **{f"levels__{n}_grain-{chr(96 + n)}": f"Write {n} steps." for n in range(1, 10)})
    assert "level 9 of 9 (grain-i). Write 9 steps." in system(tmp_path, 9, "original")


def test_an_example_of_ones_own_goes_before_the_shipped(tmp_path: Path) -> None:
    lines = STEP.replace("[1, 2]", "[1, 2, 3, 4, 5, 6]")
    write(tmp_path, examples__number=f'question = "Eggs?"\ngold = "24"\n{lines}', formats__code="Code.\n---\n>> {code}")
    assert "Example question:\nEggs?\n\nExample solution:\n>> eggs = 6 * 4\nThe answer is 24." in system(
        tmp_path, 5, "code"
    )
    prompts = load_prompts(tmp_path)
    assert {prompts.version(f) for f in ("original", "code")}.isdisjoint({PROMPT_VERSION})
    assert prompts.example_for("svamp", "choice") is shipped().examples["choice"]
    with pytest.raises(
        ConfigError, match=r"latex.toml, line \d+: there is no 'code', which .*code.txt, line 3 asks for"
    ):
        build(SAMPLES["latex"], recipes([5], ["code"], "no", prompts)[0], prompts)


def test_the_version_is_what_the_recipe_reads(tmp_path: Path) -> None:
    a = write(tmp_path / "a", formats__one="Rule.\n---\n{say}", formats__two="Other.\n---\n{say}")
    b = write(tmp_path / "b", formats__one="Rule!\n---\n{say}", formats__two="Other.\n---\n{say}")
    first, second = load_prompts(a), load_prompts(b)
    assert first.version("one") != second.version("one")
    assert first.version("two") == second.version("two")
    cells = [Cell("arith", "t", recipes([1], ["one"], "no", prompts)[0]) for prompts in (first, second)]
    assert cells[0].key != cells[1].key
    assert cells[0].slug != cells[1].slug and first.version("one") in cells[0].label


def test_a_layout_counts_repeats_and_frames(tmp_path: Path) -> None:
    write(tmp_path, formats__framed="Rule with {braces}.\n---\nTask: {restated}\n{n}. {say}\n   ({{}} {ask})\nDone.")
    text = system(tmp_path, 2, "framed")
    assert "Rule with {braces}." in text
    solution = text.partition("Example solution:\n")[2]
    assert solution == (
        "Task: A pottery fires 6 kiln loads of 14 bowls each, 9 of all these bowls crack, and the whole ones go into "
        "crates of 5; find the number of crates filled.\n"
        "1. 14 * 6 - 9 = 75 bowls stay whole.\n   ({} How many bowls stay whole?)\n"
        "2. 75 / 5 = 15 crates are filled.\n   ({} How many crates are filled?)\nDone.\nThe answer is 15."
    )


NO_STEPS = 'question = "Q?"\ngold = "1"\n'
WRONG = [
    ({"formats__symbolic": "R.\n---\n{say}"}, r"symbolic.txt, line 1: the format 'symbolic' is a shipped one"),
    ({"formats__answer_only": "R.\n---\n{say}"}, r"answer-only.txt, line 1: the format 'answer-only' is a shipped"),
    ({"formats__x": "Rule\nalone."}, r"x.txt, line 3: the layout is missing"),
    ({"formats__x": "\n---\n{say}"}, r"x.txt, line 1: a format needs its rule"),
    ({"formats__x": "R.\n---\nNo field."}, r"x.txt, line 3: no line of the layout has a step field"),
    ({"formats__x": "R.\n---\n{restated}"}, r"x.txt, line 3: no line of the layout has a step field"),
    ({"formats__x": "R.\n---\n\n{say} {why}"}, r"x.txt, line 4: no example has the step field {why}; there are ask"),
    ({"formats__x": "R.\n---\n{say"}, r"x.txt, line 3: expected '}'"),
    ({"formats__x": "R.\n---\n{say!r}"}, r"x.txt, line 3: {say} is no bare field name"),
    ({"formats__x": "R.\n---\n{}"}, r"x.txt, line 3: {} is no bare field"),
    ({"formats__x": "R.\n---\nAll {n}\n{say}"}, r"x.txt, line 3: {n} counts steps"),
    ({"formats__X": "R.\n---\n{say}"}, r"X.txt: a format's name is small letters"),
    ({"levels__brief": "R."}, r"brief.txt: a level's file is called N-name.txt"),
    ({"levels__1_a": "R.", "levels__3_b": "R."}, r"3-b.txt: levels are numbered 1, 2, 3 .* and 2 is expected"),
    ({"levels__1_a": "R.", "levels__2_a": "R."}, r"2-a.txt: the level name 'a' is taken"),
    ({"levels__1_a": " \n"}, r"1-a.txt, line 1: a level needs its rule"),
    ({"examples__number": "question = "}, r"number.toml, line 1: this is no TOML"),
    ({"examples__number": NO_STEPS}, r"number.toml, line 3: the example has no \[\[step\]\]"),
    ({"examples__number": f'gold = "1"\n{STEP}'}, r"number.toml, line 1: the example has no 'question'"),
    ({"examples__number": f'{NO_STEPS}hint = "h"\n{STEP}'}, r"number.toml, line 3: 'hint' is not one of question"),
    ({"examples__number": f"{NO_STEPS}choices = 3\n{STEP}"}, r"number.toml, line 3: choices is a list of texts"),
    ({"examples__number": f"{NO_STEPS}{STEP}"}, r"number.toml, line 1: no step is written at level 3 of 6"),
    ({"examples__number": f"{NO_STEPS}\n{STEP}", "levels__1_a": "R."}, r"number.toml, line 4: level 2 is beyond the 1"),
    ({"examples__number": f'{NO_STEPS}\n[[step]]\nsay = "a"'}, r"number.toml, line 4: a step says the levels"),
    ({"examples__number": f"{NO_STEPS}\n[[step]]\nlevels = [1]\nsay = 3"}, r"number.toml, line 4: the step's 'say'"),
    ({"levels__1_a": "R.", "formats__x": "R.\n---\n{say}", "other__x": ""}, r"other: a folder of prompts holds"),
    ({}, r"no folder .* of prompts"),
]


@pytest.mark.parametrize(("files", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_what_is_wrong_is_named_with_file_and_line(files: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_prompts(write(tmp_path / "mine", **files))
    assert "Next: " in str(caught.value)


def test_an_empty_folder_and_a_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no prompts"):
        load_prompts(tmp_path)
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "x.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"x.txt cannot be read: .*UTF-8"):
        load_prompts(tmp_path)
    (tmp_path / "formats" / "x.txt").rename(tmp_path / "formats" / "x.md")
    with pytest.raises(ConfigError, match=r"x.md: only .txt files belong here"):
        load_prompts(tmp_path)


@pytest.mark.parametrize("name", ["self-ask", "three-levels"])
def test_the_folders_of_the_documentation_are_whole(name: str) -> None:
    prompts = load_prompts(DOCS / name)
    numbers = [level.number for level in prompts.levels]
    for question in SAMPLES.values():
        for recipe in recipes(numbers, prompts.format_names, "yes", prompts):
            assert len(build(question, recipe, prompts)) == 2
