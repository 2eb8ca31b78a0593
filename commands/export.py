"""`export`: corpora as SFT data sets for other trainers, with a data card, and on request onto the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    AnyVerdictOption,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    RationaleOption,
    StoreOption,
    TeachersOption,
    numbers,
    open_store,
    print_json,
    print_rows,
    say,
    settle,
    words,
)

if TYPE_CHECKING:
    from ..store.corpora import RationaleKind
    from ..store.export import Exported
    from ..store.export_rows import Recorded
    from ..store.store import Store

SHOWN_LEFT_OUT = 12


def export(
    to: Annotated[
        str,
        typer.Option(
            help="Formats, comma-separated: alpaca (or llamafactory), sharegpt, chat, prompt-completion, parquet."
        ),
    ] = "llamafactory",
    out: Annotated[Path, typer.Option(help="The folder to write to; an earlier export there is added to.")] = Path(
        "exports"
    ),
    corpus: Annotated[
        str | None, typer.Option("--corpus", help="Named corpora (or hashes), comma-separated, instead of cells.")
    ] = None,
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    any_verdict: AnyVerdictOption = False,
    rationale: RationaleOption = "visible",
    push: Annotated[
        str | None, typer.Option("--push", metavar="USER/NAME", help="Also upload to this data set of the HF hub.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="With --push: a new repository is public.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Write SFT data sets, one per cell: rationales judged correct, training split, minus leaks; or named corpora.

    With a data card (README.md: contents, licences, terms to check, how to load it) and manifest.json. Files appear
    at once when all are written.
    """
    from ..store.export import export as write
    from ..store.export import formats_of

    formats_of(words(to) or [])
    if public and push is None:
        raise ConfigError("--public goes with --push. Next: add --push USER/NAME, or leave --public out")
    if push is not None:
        from ..store import push as hub

        api = hub.ready(push)
    opened = open_store(store)
    settle(opened)
    if corpus is not None:
        if dataset or teacher or level or format or any_verdict or rationale != "visible":
            raise ConfigError(
                f"--corpus {corpus} is chosen already; flags that choose cells do not go with it. "
                f"Next: cotdistill export --corpus {corpus}"
            )
        from ..store.export_rows import recorded

        corpora = recorded(opened, words(corpus) or [])
    else:
        corpora = _implicit(opened, dataset, teacher, level, format, any_verdict=any_verdict, rationale=rationale)
    files = write(opened, corpora, out, words(to) or [])
    _show(files, corpora, out, as_json=as_json)
    if push is not None:
        say(f"uploading {len(files)} files and the card to {push} ...")
        say(f"uploaded: {hub.push(api, out, push, private=not public)}")
    else:
        say(_next(files[0], out))


def _implicit(
    store: "Store",
    dataset: str | None,
    teacher: str | None,
    level: str | None,
    format: str | None,
    *,
    any_verdict: bool,
    rationale: "RationaleKind",
) -> "list[Recorded]":
    """One corpus per chosen cell. Cells without one are said and skipped; ConfigError when that is all of them."""
    from ..store.cells import select_cells
    from ..store.implicit import record_implicit

    cells = select_cells(
        store,
        datasets=words(dataset),
        teachers=words(teacher),
        levels=numbers(level, "--level"),
        formats=words(format),
    )
    corpora, skipped = [], []
    for cell in cells:
        try:
            corpora.append(record_implicit(store, cell, any_verdict=any_verdict, rationale=rationale))
        except ConfigError as error:
            skipped.append(str(error))
    if not corpora:
        raise ConfigError(skipped[0])
    for reason in skipped:
        say(f"skipped: {reason}")
    return corpora


def _show(files: "Sequence[Exported]", corpora: "Sequence[Recorded]", out: Path, *, as_json: bool) -> None:
    if as_json:
        left = {c.corpus_hash: dict(c.left_out) for c in corpora}
        print_json([_fields(file) | {"left_out": left[file.corpus_hash]} for file in files])
        return
    print_rows(
        ("file", "rows", "MB"),
        [(file.path.name, file.n_rows, round(file.n_bytes / 1e6, 2)) for file in files],
        as_json=False,
        title=f"Written to {out}",
    )
    left_out = [(c.name, why, n) for c in corpora for why, n in c.left_out.items()]
    if left_out:
        print()
        shown_rows = left_out[:SHOWN_LEFT_OUT]
        print_rows(("corpus", "left out because", "rows"), shown_rows, as_json=False, title="Left out")
        if len(left_out) > SHOWN_LEFT_OUT:
            say(f"and {len(left_out) - SHOWN_LEFT_OUT} more reasons: {out / 'README.md'}")


def _fields(file: "Exported") -> dict[str, object]:
    return {
        "corpus": file.corpus,
        "corpus_hash": file.corpus_hash,
        "format": file.format,
        "split": file.split,
        "key": file.key,
        "file": str(file.path),
        "n_rows": file.n_rows,
        "n_bytes": file.n_bytes,
    }


def _next(first: "Exported", out: Path) -> str:
    """The command that reads the first file."""
    match first.format:
        case "alpaca" | "sharegpt":
            words = f"llamafactory-cli train --stage sft --do_train --dataset_dir {out} --dataset {first.key}"
            return f"Next: {words} --model_name_or_path MODEL --template TEMPLATE --output_dir OUT"
        case "chat" | "prompt-completion":
            return f"Next: trl sft --dataset_name {out} --dataset_config {first.key} --model_name_or_path MODEL"
        case _:
            return f"""Next: python -c "import polars as pl; print(pl.read_parquet('{first.path}'))\""""
