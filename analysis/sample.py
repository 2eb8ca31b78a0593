"""The seeded sample of rationales and predictions that the report carries inside, and the sentences that say so."""

from collections.abc import Sequence
from typing import Any

from ..store.store import Store
from .browse import Document, Prompter, ask, connection, index, predictions, rationales

MAX_RATIONALES = 2_000
N_DOUBTFUL = 400
MAX_PREDICTIONS = 2_000
CAP = 20_000
SEED = 0


def sample(store: Store, prompter: Prompter | None = None, *, seed: int = SEED) -> Document:
    """What the browser of the file shows: `rationales` and `predictions` documents, `facets` of the sample, `said`.

    Whole questions drawn at random, and up to 400 of the rationales that were not judged correct; all of them where
    the store has no more than 2,000. Texts are cut to 20,000 characters.
    """
    with connection(store) as con:
        counted = ask(con, "state")[0]
        n_all = index(store).height
        whole = n_all <= MAX_RATIONALES
        asked = {"seed": seed, "n_doubtful": 0 if whole else N_DOUBTFUL, "questions": []}
        doubtful = ask(con, "doubtful", asked)
        block = ask(con, "blocks", {"seed": seed, "n_block": MAX_RATIONALES - len(doubtful)})
        doubtful = ask(con, "doubtful", asked | {"questions": [b["question_key"] for b in block]})
        drawn = ask(con, "drawn_questions", {"seed": seed, "n_predictions": MAX_PREDICTIONS})
    shown = rationales(
        store, [b["question_key"] for b in block], [d["reply_key"] for d in doubtful], prompter=prompter, cap=CAP
    )
    shown["rows"] = shown["rows"][:MAX_RATIONALES]
    answered = predictions(store, [d["question_key"] for d in drawn], cap=CAP)
    answered["rows"] = answered["rows"][:MAX_PREDICTIONS]
    n, n_answers = len(shown["rows"]), len(answered["rows"])
    return {
        "mode": "inline",
        "rationales": shown,
        "predictions": answered,
        "said": {
            "rationales": _said(n, n_all, len(block), doubtful, seed),
            "predictions": _said_predictions(n_answers, counted["predictions"], len(answered["questions"]), seed),
        },
    }


def _said(n: int, n_all: int, n_questions: int, doubtful: Sequence[dict[str, Any]], seed: int) -> str:
    if not n_all:
        return "The store has no rationales yet."
    if n >= n_all:
        return f"All {n:,} rationales of the store are in this file."
    drawn = "1 question" if n_questions == 1 else f"{n_questions:,} questions"
    text = (
        f"A sample of {n:,} of the store's {n_all:,} rationales is in this file: {drawn} drawn at random (seed {seed})"
    )
    text += f", cut to {MAX_RATIONALES:,}" if n == MAX_RATIONALES and n_questions == 1 else " with all their rationales"
    if doubtful:
        text += f", and {len(doubtful):,} of the {doubtful[0]['of']:,} replies that were not judged correct"
        text += ". So wrong ones are shown more often than they occur; the plots above count everything"
    return text + "."


def _said_predictions(n: int, n_all: int, n_questions: int, seed: int) -> str:
    if not n_all:
        return "No student is evaluated yet."
    if n >= n_all:
        return f"All {n:,} predictions of the store are in this file."
    return (
        f"A sample of {n:,} of the store's {n_all:,} predictions is in this file: {n_questions:,} questions drawn at "
        f"random (seed {seed}), with the answers of every evaluation."
    )
