"""`cotdistill prompts`: print a prompt as it is sent, list levels and formats, check a folder of your own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_STORE, JsonOption, PromptsOption, StoreOption, open_store, print_json, print_rows, say

if TYPE_CHECKING:
    from ..gen.prompts import Prompts
    from ..tasks.values import AnswerKind, Question

app = typer.Typer(help="Print prompts as they are sent, list levels and formats, check your own.", no_args_is_help=True)


@app.command("show", epilog="Example: cotdistill prompts show --dataset gsm8k --level 4 --format symbolic")
def show(
    dataset: Annotated[str, typer.Option(help="The question's data set.")],
    level: Annotated[str, typer.Option(help="A level's number or name.")] = "1",
    format: Annotated[str, typer.Option(help="A format's name; see prompts list.")] = "original",
    gold_visible: Annotated[bool, typer.Option(help="With the gold answer shown to the teacher.")] = False,
    question: Annotated[
        str | None, typer.Option(help="A question's key or the start of it; without it the first one.")
    ] = None,
    prompts: PromptsOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Print one prompt exactly as it is sent, for a loaded question, or for a sample where none is loaded."""
    from ..gen.prompts import build, load_prompts, recipes
    from ..tasks.realised import count_tokens

    loaded = load_prompts(prompts)
    levels = loaded.find_levels([level])
    if len(levels) > 1:
        raise ConfigError(f"--level {level!r} names {len(levels)} levels, and one prompt has one. Next: --level 4")
    [recipe] = recipes(levels, [format], "yes" if gold_visible else "no", loaded)
    asked = _stored(store, dataset, question) if store.exists() else None
    if asked is None and question is not None:
        raise ConfigError(
            f"no question {question!r} of {dataset} in {store}. Next: cotdistill sql "
            f"\"SELECT question_key, text FROM question WHERE dataset = '{dataset}' LIMIT 5\""
        )
    is_sample = asked is None
    asked = asked or _sample(dataset)
    messages = build(asked, recipe, loaded)
    tokens = sum(count_tokens(message.content) for message in messages)
    if is_sample:
        say(f"{store} has no questions of {dataset}: shown with a built-in sample question of the kind {asked.kind}")
    if as_json:
        print_json(
            {
                "dataset": dataset,
                "question_key": asked.key,
                "is_sample": is_sample,
                "kind": asked.kind,
                "level": recipe.level,
                "format": recipe.format,
                "gold_visible": recipe.gold_visible,
                "prompt_version": recipe.prompt_version,
                "prompt_tokens": tokens,
                "messages": [{"role": m.role, "content": m.content} for m in messages],
            }
        )
        return
    print("\n".join(f"[{message.role}]\n{message.content}" for message in messages))
    say(f"prompt version {recipe.prompt_version}, {tokens:,} tokens (word pieces, tasks/realised.py)")


@app.command("list", epilog="Example: cotdistill prompts list --prompts my-prompts")
def list_(prompts: PromptsOption = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List levels, formats and worked examples, each with its prompt version and file."""
    from ..gen.prompts import ANSWER_ONLY, FOLDER, PROMPT_VERSION, load_prompts

    loaded = load_prompts(prompts)
    levels_version = loaded.version(next(iter(loaded.formats)))
    used = _versions_in(store)
    rows = [("level", f"{level.number} {level.name}", levels_version, str(level.file)) for level in loaded.levels]
    rows += [("format", name, loaded.version(name), str(format.file)) for name, format in loaded.formats.items()]
    rows.append(("format", ANSWER_ONLY, PROMPT_VERSION, str(FOLDER / "answer-only.txt")))
    rows += [("example", name, levels_version, str(example.file)) for name, example in loaded.examples.items()]
    roots = [str(path) for path in (FOLDER, prompts) if path is not None]
    short = rows if as_json else [(*row[:3], _within(row[3], roots)) for row in rows]
    print_rows(("what", "name", "prompt_version", "file"), short, as_json=as_json)
    say(f"in {' and '.join(roots)}" + (f"; cells of {store} have version {', '.join(used)}" if used else ""))


@app.command("check", epilog="Example: cotdistill prompts check my-prompts")
def check(
    folder: Annotated[Path, typer.Argument(help="Your folder of levels/, formats/, examples/.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Build every prompt a folder of your own can make; what is wrong in it is named by file and line."""
    from ..gen.prompts import ANSWER_ONLY, KINDS, load_prompts

    loaded = load_prompts(folder)
    own_data = _datasets(store)
    kinds = [(kind, kind) for kind in KINDS] + [(n, k) for n, k in own_data.items() if n in loaded.examples]
    rows = [
        (format, name, loaded.version(format), len(loaded.levels), _state(loaded, format, name, kind))
        for format in loaded.format_names
        if format != ANSWER_ONLY
        for name, kind in kinds
    ]
    print_rows(("format", "kind", "prompt_version", "levels", "worked_example"), rows, as_json=as_json)
    say(f"Next: cotdistill prompts show --dataset arith --prompts {folder}, then generate --prompts {folder}")


def _state(prompts: "Prompts", format: str, name: str, kind: "AnswerKind") -> str:
    from ..gen.prompts import build, recipes
    from ..gen.samples import SAMPLES

    numbers = [level.number for level in prompts.levels]
    try:
        for recipe in recipes(numbers, [format], "yes", prompts):
            build(replace(SAMPLES[kind], dataset=name), recipe, prompts)
    except ConfigError as error:
        return f"cannot be made: {error}"
    example = prompts.example_for(name, kind)
    return f"examples/{example.file.name}" if example else "none"


def _sample(dataset: str) -> "Question":
    """A question of the data set's kind. ConfigError: nobody knows the data set."""
    from ..gen.samples import SAMPLES
    from ..tasks.datasets.registry import DATASETS

    if dataset not in DATASETS:
        raise ConfigError(
            f"unknown data set {dataset!r}. Known: {', '.join(DATASETS)}. Next: name one of them, "
            f"or cotdistill questions add FILE --dataset {dataset} --kind number"
        )
    spec = DATASETS[dataset]
    return spec.build("train")[0] if spec.build else replace(SAMPLES[spec.kind], dataset=dataset)


def _stored(store: Path, dataset: str, key: str | None) -> "Question | None":
    """The data set's question whose key starts with `key`, or its first one; None where there is none."""
    from ..tasks.values import Question

    with open_store(store).read() as con:
        row = con.execute((Path(__file__).parent / "sql" / "one_question.sql").read_text(), [dataset, key or ""])
        found = row.fetchone()
    if found is None:
        return None
    split, text, kind, gold, choices, source = found
    return Question(dataset, split, text, kind, gold, tuple(choices), source=source)


def _datasets(store: Path) -> "dict[str, AnswerKind]":
    """The loaded data sets and their kinds, and those that could be loaded."""
    from ..tasks.datasets.registry import DATASETS

    found = {name: spec.kind for name, spec in DATASETS.items()}
    if store.exists():
        with open_store(store).read() as con:
            found |= dict(con.execute("SELECT DISTINCT dataset, answer_kind FROM question").fetchall())
    return found


def _versions_in(store: Path) -> list[str]:
    if not store.exists():
        return []
    with open_store(store).read() as con:
        return [row[0] for row in con.execute("SELECT DISTINCT prompt_version FROM cell ORDER BY ALL").fetchall()]


def _within(file: str, roots: list[str]) -> str:
    return next((str(Path(file).relative_to(root)) for root in roots if Path(file).is_relative_to(root)), file)
