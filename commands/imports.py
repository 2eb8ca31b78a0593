"""`cotdistill import`: rationales that exist already, the paper's released ones or anyone's."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .common import DEFAULT_STORE, JsonOption, StoreOption, open_store, print_json, print_rows, say, settle

app = typer.Typer(
    help="Import rationales: the paper's released files, or a JSONL file of your own.", no_args_is_help=True
)


@app.command("paper", epilog="Example: cotdistill import paper Distilling-CoT-Reasoning/data")
def paper(
    folder: Annotated[Path, typer.Argument(help="The folder with dataset_info.json and its files.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Import the rationales released with arXiv 2502.18001. A second import adds nothing."""
    from ..store.import_paper import import_paper

    opened = open_store(store, create=True)
    summary = import_paper(opened, folder)
    settle(opened)
    _show(summary, as_json)


@app.command(
    "rationales", epilog="Example: cotdistill import rationales mine.jsonl --dataset svamp --teacher me --level 3"
)
def rationales(
    file: Annotated[Path, typer.Argument(help="JSONL rows with a question and its rationale.")],
    dataset: Annotated[str, typer.Option(help="The data set its questions belong to.")],
    teacher: Annotated[str, typer.Option(help="Who wrote the rationales.")],
    level: Annotated[int | None, typer.Option(min=1, max=6, help="Their granularity, if known.")] = None,
    format: Annotated[str | None, typer.Option(help="Their format, if known.")] = None,
    gold_visible: Annotated[
        str, typer.Option(help="Whether the teacher saw the answer: yes, no or unknown.")
    ] = "unknown",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Import rationales of your own; every line is checked before any is stored."""
    from ..store.import_rationales import import_rationales

    if gold_visible not in ("yes", "no", "unknown"):
        raise ConfigError(f"unknown --gold-visible {gold_visible!r}. Next: yes, no or unknown")
    opened = open_store(store, create=True)
    summary = import_rationales(
        opened,
        file,
        dataset=dataset,
        teacher=teacher,
        level=level,
        format=format,
        gold_visible=gold_visible,  # type: ignore[arg-type]
    )
    settle(opened)
    _show(summary, as_json)


def _show(summary: Any, as_json: bool) -> None:
    from dataclasses import asdict

    values = asdict(summary)
    if as_json:
        print_json(values)
        return
    rows = [(k.replace("_", " "), len(v) if isinstance(v, (list, tuple, dict)) else v) for k, v in values.items()]
    print_rows(("what", "count"), rows, as_json=False)
    say("Next: cotdistill status, cotdistill export, cotdistill train")
