"""What a teacher is asked: one pure function from a question and a recipe to chat messages.

The wording lives in gen/templates/ (read by prompt_files.py): a definition and a worked example for every level, a rule
and a layout for every format, the closing sentence of every answer kind. A change of wording is a new PROMPT_VERSION,
because it makes another recipe. A user's folder adds formats or replaces the levels; its content enters the version.
After arXiv 2502.18001, section 3 (levels and formats); its own prompts are unpublished, these are ours.
Decisions and figures: docs/design/05-prompts.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.render import question_text
from ..tasks.values import AnswerKind, GoldVisible, Message, Question, Recipe
from .prompt_files import COUNTER, Example, Folder, Format, Level, Line, Step, problem, read_folder

PROMPT_VERSION = "2"
FOLDER = Path(__file__).parent / "templates"
KINDS: tuple[AnswerKind, ...] = ("number", "latex", "choice", "boolean", "text")
LEVELS = (1, 2, 3, 4, 5, 6)
ANSWER_ONLY = "answer-only"
FORMATS = ("original", "least-to-most", "rephrase-and-respond", "symbolic", ANSWER_ONLY)
_PLACES = ("formats", "levels", "examples")


@dataclass(frozen=True, slots=True, eq=False)
class Prompts:
    """The levels, formats and worked examples in use. `own` is the user's folder among them, None for the shipped."""

    levels: tuple[Level, ...]
    formats: Mapping[str, Format]
    examples: Mapping[str, Example]
    own: Folder | None = None

    @property
    def format_names(self) -> tuple[str, ...]:
        """The shipped ones first, answer-only among them, then the user's."""
        return (*FORMATS, *(name for name in self.formats if name not in FORMATS))

    def version(self, format: str) -> str:
        """The prompt version of a recipe: the shipped one, and where files of the user's are read, their hash.

        Only the files that the format's prompts may read are hashed: editing one format leaves the others' cells alone.
        """
        if self.own is None or format == ANSWER_ONLY:
            return PROMPT_VERSION
        read = [level.file for level in self.own.levels] + [e.file for e in self.own.examples.values()]
        if format in self.own.formats:
            read.append(self.own.formats[format].file)
        if not read:
            return PROMPT_VERSION
        content = [(file.relative_to(self.own.path).as_posix(), self.own.texts[file]) for file in sorted(read)]
        return f"{PROMPT_VERSION}+{keys.digest('prompts', content)[:8]}"

    def example_for(self, dataset: str, kind: str) -> Example | None:
        """The worked example made for the data set, or else for its answer kind."""
        return self.examples.get(dataset) or self.examples.get(kind)

    def find_levels(self, names: Iterable[str]) -> list[int]:
        """Levels by number, span or name ("4", "1-3", "facts"), without doubles. ConfigError: no such level."""
        by_name = {level.name: level.number for level in self.levels}
        last_level = len(self.levels)
        found: list[int] = []
        for name in names:
            first, dash, last = name.partition("-")
            if name in by_name:
                span = range(by_name[name], by_name[name] + 1)
            elif first.isdecimal() and (last.isdecimal() or not dash):
                span = range(int(first), int(last or first) + 1)
            else:
                span = range(0)
            unknown = next((n for n in span if not 1 <= n <= last_level), None if span else name)
            if unknown is not None:
                known = ", ".join(f"{level.number} ({level.name})" for level in self.levels)
                raise ConfigError(
                    f"--level {name!r}: unknown level {unknown}. Levels are {known}, from coarsest to finest. "
                    f"Next: write them as 1,3,5, or as --level 1-{last_level}"
                )
            found += span
        return list(dict.fromkeys(found))


@cache
def shipped() -> Prompts:
    """The prompts of this package."""
    folder = read_folder(FOLDER)
    ordered = {name: folder.formats[name] for name in FORMATS if name != ANSWER_ONLY}
    return Prompts(folder.levels, ordered, folder.examples)


def load_prompts(folder: Path | None) -> Prompts:
    """The shipped prompts with a user's folder on top: its formats are added, its levels replace the shipped ones (and
    their examples, which are written for those), its examples go before the shipped. None: the shipped prompts.

    ConfigError, naming file and line: nothing or something else in the folder, a name that is taken, a field that no
    example has, an example that leaves out a level.
    """
    if folder is None:
        return shipped()
    own, base = read_folder(folder), shipped()
    for found in sorted(folder.iterdir()):
        if found.name not in _PLACES and not found.name.startswith(".") and found.name != "README.md":
            raise ConfigError(
                f"{found}: a folder of prompts holds formats/, levels/, examples/ and nothing else. Next: take it out"
            )
    if not (own.levels or own.formats or own.examples):
        raise ConfigError(f"{folder} has no prompts. Next: put formats/NAME.txt or levels/1-NAME.txt into it")
    for name, format in own.formats.items():
        if name in FORMATS:
            raise problem(format.file, 1, f"the format {name!r} is a shipped one", "give yours another name")
    levels = own.levels or base.levels
    examples = dict(own.examples) if own.levels else {**base.examples, **own.examples}
    for example in own.examples.values():
        _check_levels(example, len(levels))
    fields = {name for example in examples.values() for step in example.steps for name in step.fields}
    for format in own.formats.values() if examples else ():
        for line in format.each:
            for name in line.fields:
                if name not in fields | {COUNTER, "restated"}:
                    what = f"no example has the step field {{{name}}}; there are {', '.join(sorted(fields))}"
                    raise problem(format.file, line.number, what, "correct it, or add examples/KIND.toml with it")
    return Prompts(levels, {**base.formats, **own.formats}, examples, own)


def recipes(
    levels: Sequence[int], formats: Sequence[str], gold_visible: GoldVisible, prompts: Prompts | None = None
) -> list[Recipe]:
    """Every level with every format; answer-only once, without a level. ConfigError on an unknown level or format."""
    prompts = prompts or shipped()
    prompts.find_levels(map(str, levels))
    for format in formats:
        if format not in prompts.format_names:
            raise ConfigError(
                f"unknown format {format!r}. Known: {', '.join(prompts.format_names)}. Next: cotdistill prompts list"
            )
    made = []
    for format in formats:
        grains: Sequence[int | None] = (None,) if format == ANSWER_ONLY else levels
        made += [Recipe(level, format, gold_visible, prompts.version(format)) for level in grains]
    return made


def build(question: Question, recipe: Recipe, prompts: Prompts | None = None) -> tuple[Message, ...]:
    """The messages for one question: a system message (level, format, how to announce the answer, a worked example) and
    the question. The system message is the same for all questions of a data set and does not depend on gold_visible.

    ConfigError: the recipe shows the gold answer and the question has none; the recipe's level or format is unknown.
    """
    prompts = prompts or shipped()
    if recipe.format == ANSWER_ONLY:
        system = _answer_only(question.dataset, question.kind)
    else:
        example = prompts.example_for(question.dataset, question.kind)
        name = example.name if example else None
        system = _system(prompts, recipe.level or 0, recipe.format or "", name, question.kind)
    if recipe.gold_visible == "yes":
        if question.gold is None:
            raise ConfigError(
                f"question {question.key} of {question.dataset} ({question.source}) has no gold answer to show. "
                f"Next: the same command without --gold-visible"
            )
        shape = "answer-only-with-gold.txt" if recipe.format == ANSWER_ONLY else "user-with-gold.txt"
        said = announcement(question.kind, question.gold)
        user = _read(shape).format(question=question_text(question), announcement=said)
    else:
        user = _read("user.txt").format(question=question_text(question))
    return Message("system", system), Message("user", user)


def answer_rule(kind: AnswerKind) -> str:
    """How the last line is to be written, for the teacher."""
    return _read(f"answers/{kind}.txt").partition("\n---\n")[0]


def unaided(kind: AnswerKind) -> str:
    """What a model is asked that was not trained to announce its answer: a text with one field, {question}."""
    return _read("../unaided.txt").replace("{answer_rule}", answer_rule(kind))


def announcement(kind: AnswerKind, gold: str) -> str:
    """The last line of a right solution: "The answer is 18."."""
    return _read(f"answers/{kind}.txt").partition("\n---\n")[2].format(gold=gold)


def worked(example: Example, level: int, format: Format) -> str:
    """A worked example's steps at one level, laid out in a format, without its last line.

    ConfigError, naming file and line: the example has no such level or lacks a field that the layout wants.
    """
    steps = [step for step in example.steps if level in step.levels]
    if not steps:
        raise problem(example.file, 1, f"the example has no step of level {level}", "add levels to its steps")
    once = {"restated": example.restated} if example.restated else {}
    lines = [_fill(line, once, example, 1, format) for line in format.before]
    for n, step in enumerate(steps, 1):
        fields = {**once, **step.fields, COUNTER: str(n)}
        lines += [_fill(line, fields, example, step.line, format) for line in format.each]
    lines += [_fill(line, once, example, 1, format) for line in format.after]
    return "\n".join(lines).strip()


@lru_cache(maxsize=256)
def _answer_only(dataset: str, kind: AnswerKind) -> str:
    """The baseline's system message: always the shipped one, whatever levels and formats a user adds."""
    example = shipped().example_for(dataset, kind)
    assert example is not None  # every kind has a shipped one
    shown = {"question": _asked(example, kind), "announcement": announcement(kind, example.gold)}
    return _read("answer-only.txt").format(answer_rule=answer_rule(kind), **shown)


@lru_cache(maxsize=1024)
def _system(prompts: Prompts, number: int, format_name: str, example_name: str | None, kind: AnswerKind) -> str:
    level = prompts.levels[prompts.find_levels([str(number)])[0] - 1]
    if format_name not in prompts.formats:
        raise ConfigError(
            f"unknown format {format_name!r}. Known: {', '.join(prompts.format_names)}. Next: cotdistill prompts list"
        )
    format = prompts.formats[format_name]
    text = _read("system.txt").format(
        level=number,
        levels=len(prompts.levels),
        name=level.name,
        level_rule=level.rule,
        format=format.name,
        format_rule=format.rule,
        answer_rule=answer_rule(kind),
    )
    if example_name is None:
        return text
    example = prompts.examples[example_name]
    solution = f"{worked(example, number, format)}\n{announcement(kind, example.gold)}"
    shown = _read("example.txt").format(question=_asked(example, kind), solution=solution)
    return f"{text}\n\n{shown}"


def _asked(example: Example, kind: AnswerKind) -> str:
    return question_text(Question("", "", example.question, kind, example.gold, example.choices))


def _fill(line: Line, fields: Mapping[str, str], example: Example, at: int, format: Format) -> str:
    for name in line.fields:
        if name not in fields:
            where = f"{format.file}, line {line.number}"
            raise problem(example.file, at, f"there is no {name!r}, which {where} asks for", f'add {name} = "..."')
    return line.text.format_map(fields)


def _check_levels(example: Example, n_levels: int) -> None:
    for level in range(1, n_levels + 1):
        if not any(level in step.levels for step in example.steps):
            raise problem(example.file, 1, f"no step is written at level {level} of {n_levels}", "add it to levels")
    for step in example.steps:
        if max(step.levels) > n_levels:
            raise _beyond(example, step, n_levels)


def _beyond(example: Example, step: Step, n_levels: int) -> ConfigError:
    return problem(
        example.file, step.line, f"level {max(step.levels)} is beyond the {n_levels} there are", "correct it"
    )


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()
