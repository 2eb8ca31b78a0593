"""The corpora of a design: which rationales every selection takes of every whole cell."""

from collections.abc import Iterator, Sequence

from ..errors import ConfigError
from ..store import audit
from ..store.corpora import implicit_corpus
from ..store.corpus_create import create_corpora
from ..store.corpus_rules import Cells
from ..store.corpus_write import Made
from ..store.store import Store
from ..tasks.realised import count_tokens
from .design import Selection
from .state import CellState, CorpusState, State


def read_corpora(state: State, store: Store, *, record: bool = False) -> Iterator[CorpusState]:
    """Every cell with every selection, as far as it is known. With `record` what is known is written down."""
    for selection in state.design.selection:
        if selection.rules is None:
            for cell in state.cells:
                yield (
                    _of_cell(state, store, cell, selection, record) if cell.whole else _expected(state, cell, selection)
                )
            continue
        for dataset in dict.fromkeys(cell.of.cell.dataset for cell in state.cells):
            cells = [cell for cell in state.cells if cell.of.cell.dataset == dataset]
            if all(cell.whole for cell in cells) and not to_audit(store, selection, cells):
                yield from _family(state, store, dataset, cells, selection, record)
            else:
                yield from (_expected(state, cell, selection) for cell in cells)


def to_audit(store: Store, selection: Selection, cells: Sequence[CellState]) -> int:
    """Rationales that must be read for faults before the selection can choose; 0 where it asks for none."""
    if selection.rules is None or not selection.rules.exclude_faults:
        return 0
    datasets, teachers = {c.of.cell.dataset for c in cells}, {c.of.cell.teacher for c in cells}
    return audit.to_audit(store, datasets=sorted(datasets), teachers=sorted(teachers))


def family_name(state: State, dataset: str, selection: Selection) -> str:
    """What the corpora of one selection and data set are called."""
    return f"{state.design.name}.{selection.name}.{dataset}"


def _of_cell(state: State, store: Store, cell: CellState, selection: Selection, record: bool) -> CorpusState:
    try:
        made = implicit_corpus(
            store,
            cell.of.cell,
            n_questions=selection.rows,
            any_verdict=selection.verdict == "any",
            rationale=selection.rationale,
            record=record,
            asked=state.asked[cell.of.cell.dataset],
        )
    except ConfigError as error:
        return CorpusState(cell.of, selection, None, 0, reason=str(error))
    first = made.rows[:200]
    tokens = sum(count_tokens(r.prompt) + count_tokens(r.completion) for r in first) / len(first)
    return CorpusState(cell.of, selection, made.corpus_hash, len(made.rows), tokens)


def _family(
    state: State, store: Store, dataset: str, cells: Sequence[CellState], selection: Selection, record: bool
) -> Iterator[CorpusState]:
    assert selection.rules is not None
    rules = selection.rules.model_copy(update={"cells": Cells(dataset=(dataset,))})
    by_key = {cell.of.cell.key: cell.of for cell in cells}
    try:
        made = create_corpora(
            store,
            family_name(state, dataset, selection),
            rules,
            replace=True,
            among=by_key.keys(),
            record=record,
            asked=state.asked[dataset],
        )
    except ConfigError as error:
        yield from (CorpusState(cell.of, selection, None, 0, reason=str(error)) for cell in cells)
        return
    taken = set()
    for one in made:
        if one.cell_key in by_key:
            taken.add(one.cell_key)
            tokens = state.sizes.tokens(dataset) + one.tokens / max(1, one.n_train)
            yield CorpusState(
                by_key[one.cell_key], selection, one.corpus_hash, one.n_train, tokens, control=_control(one)
            )
    for key in by_key.keys() - taken:
        yield CorpusState(by_key[key], selection, None, 0, reason="no row of it is left by the rules")


def _control(made: Made) -> str | None:
    return made.name.rpartition("/")[2] if made.control else None


def _expected(state: State, cell: CellState, selection: Selection) -> CorpusState:
    """What is to be expected of a cell that is not whole: every question, at the length that its plan reckons with."""
    wanted = cell.plan.n_wanted
    n = min(wanted, selection.rows or wanted)
    completion = cell.plan.completion_tokens / max(1, cell.plan.n_missing)
    return CorpusState(cell.of, selection, None, n, state.sizes.tokens(cell.of.cell.dataset) + completion)
