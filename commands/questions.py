"""`cotdistill questions`: load the benchmarks, add your own, list what is there."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_STORE, Bar, JsonOption, StoreOption, open_store, print_rows, say, words

app = typer.Typer(help="Load benchmark questions, add your own, list what is loaded.", no_args_is_help=True)
COLUMNS = ("dataset", "split", "questions", "new", "note")


@app.command("load", epilog="Example: cotdistill questions load --dataset svamp,gsm8k --source ~/benchmarks")
def load(
    dataset: Annotated[str, typer.Option(help="Data sets, comma-separated, or `all`.")],
    split: Annotated[str | None, typer.Option(help="One split; without it every split that is there.")] = None,
    source: Annotated[
        Path | None, typer.Option(help="Folder with the owners' files; without it the Hugging Face hub is asked.")
    ] = None,
    paper: Annotated[
        Path | None, typer.Option(help="Folder of the paper's released files, for training splits found only there.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Load questions of known data sets into the store, which is created when it is missing."""
    from ..store.loading import Row, load_dataset
    from ..tasks.datasets.registry import DATASETS

    names = list(DATASETS) if dataset == "all" else words(dataset) or []
    for name in names:
        if name not in DATASETS:
            raise ConfigError(f"unknown data set {name!r}. Known: {', '.join(DATASETS)}. Next: name one, or `all`")
    opened = open_store(store, create=True)
    rows: list[Row] = []
    with Bar("loading") as bar:
        for done, name in enumerate(names):
            bar.update(done, len(names), name)
            rows += load_dataset(opened, name, split=split, source=source, paper=paper, strict=dataset != "all")
        bar.update(len(names), len(names))
    print_rows(COLUMNS, rows, as_json=as_json)


@app.command("add", epilog="Example: cotdistill questions add mine.jsonl --dataset mine --kind number")
def add(
    file: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet with question, answer, choices, split columns.")],
    dataset: Annotated[str, typer.Option(help="The name your data set gets.")],
    kind: Annotated[str, typer.Option(help="number, latex, choice, boolean or text.")],
    split: Annotated[str, typer.Option(help="The split of rows that do not say theirs.")] = "train",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Add questions of your own, validated row by row before any is stored."""
    from ..store.questions import add_questions
    from ..tasks.datasets.own import read_questions
    from ..tasks.datasets.registry import DATASETS

    if dataset in DATASETS:
        raise ConfigError(f"{dataset!r} is a known data set's name. Next: --dataset with a name of your own")
    if kind not in ("number", "latex", "choice", "boolean", "text"):
        raise ConfigError(f"unknown --kind {kind!r}. Next: number, latex, choice, boolean or text")
    questions = read_questions(file, dataset, kind, split)  # type: ignore[arg-type]
    added = add_questions(open_store(store, create=True), questions)
    n_gold = sum(q.gold is not None for q in questions)
    note = f"{n_gold} with a gold answer" + (f", {added.corrected} corrected" if added.corrected else "")
    splits = ", ".join(dict.fromkeys(q.split for q in questions))
    print_rows(COLUMNS, [(dataset, splits, len(questions), added.new, note)], as_json=as_json)
    if not as_json:
        say(f"Next: cotdistill generate --teacher gpt-4o --dataset {dataset} --dry-run")


@app.command("list", epilog="Example: cotdistill questions list --json")
def list_(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List the questions loaded, and the data sets that could be."""
    from ..store.status import read_status
    from ..tasks.datasets.registry import DATASETS

    table = read_status(open_store(store)).questions
    print_rows(table.columns, table.rows, as_json=as_json)
    if not as_json:
        loaded = {row[0] for row in table.rows}
        rest = [name for name in DATASETS if name not in loaded]
        if rest:
            say(f"not loaded: {', '.join(rest)}. Next: cotdistill questions load --dataset {rest[0]}")
