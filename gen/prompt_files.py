"""Reads the folders that prompts are made of: the shipped one (gen/templates) and, on top of it, a user's own.

    levels/4-facts.txt       what counts as a step at level 4, and the level's name
    formats/symbolic.txt     the rule; a line ---; how a worked example is laid out, from its fields in braces
    examples/number.toml     a worked example for an answer kind or a data set: a question and its steps, each with the
                             levels that write it and its fields (the shipped ones: ask, say, symbols)

In a layout, the lines from the first to the last step field are repeated for every step ({n} counts them); {restated}
stands once, for the question in other words. An error names the file and the line.
"""

import re
import string
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError

ONCE = frozenset({"restated"})  # fields of a whole example; every other field is a step's
COUNTER = "n"
_RULER = "---"
_LEVEL_FILE = re.compile(r"([1-9]\d*)-([a-z][a-z0-9-]*)")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_EXAMPLE_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_STEP_HEAD = re.compile(r"^[ \t]*\[\[\s*step\s*\]\]", re.MULTILINE)
_TOML_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a scheme: 1 is the coarsest. `rule` says what counts as a step."""

    number: int
    name: str
    rule: str
    file: Path


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a layout, its number in the file, and the fields it wants."""

    text: str
    number: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """One shape of a rationale: its rule, and its layout in three parts (before, for each step, after)."""

    name: str
    rule: str
    before: tuple[Line, ...]
    each: tuple[Line, ...]
    after: tuple[Line, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a worked example, the levels that write it, and where it stands."""

    levels: tuple[int, ...]
    fields: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: `steps` of all levels in reading order."""

    name: str
    question: str
    choices: tuple[str, ...]
    gold: str
    restated: str | None
    steps: tuple[Step, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class Folder:
    """What one folder holds, as read; `texts` is every file's content."""

    path: Path
    levels: tuple[Level, ...]
    formats: Mapping[str, Format]
    examples: Mapping[str, Example]
    texts: Mapping[Path, str]


def read_folder(path: Path) -> Folder:
    """All levels, formats and examples of a folder. ConfigError: file, line, what is wrong, what to do."""
    if not path.is_dir():
        raise ConfigError(f"no folder {path} of prompts. Next: check --prompts (COTDISTILL_PROMPTS)")
    places = (("levels", "txt"), ("formats", "txt"), ("examples", "toml"))
    files = {place: _files(path / place, suffix) for place, suffix in places}
    texts = {file: _text(file) for found in files.values() for file in found}
    levels = [_read_level(file, texts[file]) for file in files["levels"]]
    levels.sort(key=lambda level: level.number)
    for place, level in enumerate(levels, 1):
        if level.number != place:
            raise ConfigError(
                f"{level.file}: levels are numbered 1, 2, 3 ... without gap or double, and {place} is expected here. "
                f"Next: rename the file"
            )
        if level.name in {other.name for other in levels[: place - 1]}:
            raise ConfigError(f"{level.file}: the level name {level.name!r} is taken. Next: rename the file")
    formats = [_read_format(file, texts[file]) for file in files["formats"]]
    examples = [_read_example(file, texts[file]) for file in files["examples"]]
    return Folder(path, tuple(levels), {f.name: f for f in formats}, {e.name: e for e in examples}, texts)


def problem(file: Path, line: int, what: str, next: str) -> ConfigError:
    """The error for a place in a file."""
    return ConfigError(f"{file}, line {line}: {what}. Next: {next}")


def _files(folder: Path, suffix: str) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".") and file.is_file()]
    for file in files:
        if file.suffix != f".{suffix}":
            raise ConfigError(f"{file}: only .{suffix} files belong here. Next: rename it or take it out")
    return files


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}. Next: save it as UTF-8 text") from error


def _read_level(file: Path, text: str) -> Level:
    named = _LEVEL_FILE.fullmatch(file.stem)
    if not named:
        raise ConfigError(f"{file}: a level's file is called N-name.txt. Next: a name such as levels/2-medium.txt")
    rule = " ".join(text.split())
    if not rule:
        raise problem(file, 1, "a level needs its rule, what counts as a step", "write it into the file")
    return Level(int(named[1]), named[2], rule, file)


def _read_format(file: Path, text: str) -> Format:
    if not _NAME.fullmatch(file.stem):
        raise ConfigError(f"{file}: a format's name is small letters, digits and hyphens. Next: rename the file")
    lines = text.splitlines()
    ruler = next((i for i, line in enumerate(lines) if line.strip() == _RULER), None)
    if ruler is None:
        raise problem(file, len(lines) + 1, "the layout is missing", "a line --- and below it a line such as {say}")
    rule = " ".join(" ".join(lines[:ruler]).split())
    if not rule:
        raise problem(file, 1, "a format needs its rule above the line ---", "write it there")
    layout = [Line(line, i, _fields(file, i, line)) for i, line in enumerate(lines[ruler + 1 :], ruler + 2)]
    stepped = [i for i, line in enumerate(layout) if set(line.fields) - ONCE - {COUNTER}]
    if not stepped:
        what = "no line of the layout has a step field, so a worked example would have no steps"
        raise problem(file, ruler + 2, what, "add a line with {say}, {ask} or {symbols}")
    first, last = stepped[0], stepped[-1] + 1
    for line in layout[:first] + layout[last:]:
        if COUNTER in line.fields:
            raise problem(file, line.number, "{n} counts steps and stands outside them", "move it to a step's line")
    return Format(file.stem, rule, tuple(layout[:first]), tuple(layout[first:last]), tuple(layout[last:]), file)


def _fields(file: Path, number: int, text: str) -> tuple[str, ...]:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise problem(file, number, f"{error}", "write a brace that is no field twice: {{ or }}") from error
    for _, name, spec, conversion in parts:
        if name is not None and (not name.isidentifier() or spec or conversion):
            raise problem(file, number, f"{{{name}}} is no bare field name", "write it such as {say}")
    return tuple(name for _, name, _, _ in parts if name is not None)


def _read_example(file: Path, text: str) -> Example:
    if not _EXAMPLE_NAME.fullmatch(file.stem):
        raise ConfigError(f"{file}: an example is called after an answer kind or a data set. Next: rename the file")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        named = _TOML_LINE.search(str(error))
        line = int(named[1]) if named else len(text.splitlines())
        raise problem(file, line, f"this is no TOML: {error}", "repair that line") from error
    steps = raw.pop("step", None)
    choices = raw.pop("choices", [])
    allowed = {"question", "gold", "restated"}
    for key, value in raw.items():
        if key not in allowed or not isinstance(value, str) or not value.strip():
            what = f"{key!r} is not one of question, gold, restated (texts) and choices"
            raise problem(file, _line_of(text, key), what, "correct it or take it out")
    for key in ("question", "gold"):
        if key not in raw:
            raise problem(file, 1, f"the example has no {key!r}", f'add a line {key} = "..."')
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise problem(file, _line_of(text, "choices"), "choices is a list of texts", 'choices = ["...", "..."]')
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise problem(file, len(text.splitlines()) + 1, "the example has no [[step]]", "add its steps")
    heads = [text.count("\n", 0, found.start()) + 1 for found in _STEP_HEAD.finditer(text)]
    if len(heads) != len(steps):  # written in another of TOML's ways
        heads = [_line_of(text, "step")] * len(steps)
    made = tuple(_step(file, line, step) for line, step in zip(heads, steps, strict=True))
    return Example(file.stem, raw["question"], tuple(choices), raw["gold"], raw.get("restated"), made, file)


def _step(file: Path, line: int, raw: dict[str, Any]) -> Step:
    levels = raw.pop("levels", None)
    is_list = isinstance(levels, list) and levels and all(type(level) is int and level > 0 for level in levels)
    if not is_list:
        raise problem(file, line, "a step says the levels that write it", "add a line levels = [3, 4]")
    for name, value in raw.items():
        if not isinstance(value, str) or not value.strip() or "\n" in value or name in ONCE | {COUNTER}:
            raise problem(
                file, line, f"the step's {name!r} is not a field with one line of text", "correct it or take it out"
            )
    return Step(tuple(levels), raw, line)


def _line_of(text: str, key: str) -> int:
    found: Callable[[str], bool] = lambda line: line.lstrip().startswith(key)  # noqa: E731
    return next((i for i, line in enumerate(text.splitlines(), 1) if found(line)), 1)
