"""`cotdistill compare` two runs item by item; `cotdistill recommend` what to train a student on."""

from typing import Annotated

import typer

from .common import (
    DEFAULT_STORE,
    DatasetsOption,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    print_note,
    print_rows,
    settle,
    words,
)


def compare(
    run_a: Annotated[str, typer.Argument(help="The beginning of a run's key.")],
    run_b: Annotated[str, typer.Argument(help="The beginning of another run's key.")],
    items: Annotated[int, typer.Option(min=0, help="How many questions on which they differ to show.")] = 20,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs item by item: totals, McNemar's test, and the questions that only one got right."""
    from ..analysis.compare import compare as compared
    from ..analysis.show import plain
    from .analyze import show_answer

    opened = open_store(store)
    settle(opened)
    totals, differ = compared(opened, run_a, run_b, items=items)
    if as_json:
        print_json({"totals": plain(totals), "items": plain(differ)})
        return
    show_answer(totals)
    if differ.rows:
        print_rows(differ.columns, differ.rows, as_json=False, title=differ.title)
    for note in differ.notes:
        print_note(note)


def recommend(
    student: Annotated[str, typer.Option(help="For which student.")],
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", min=0, help="Leave out what cost more, or has no known price.")
    ] = None,
    dataset: DatasetsOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Say what the evidence recommends to train a student on, how sure that is, and what to try next."""
    from ..analysis.recommend import recommend as recommended
    from ..analysis.show import plain
    from .analyze import show_answer

    opened = open_store(store)
    settle(opened)
    found = recommended(opened, student, dataset=words(dataset), max_usd=max_usd)
    if as_json:
        print_json(plain(found))
    else:
        show_answer(found)
