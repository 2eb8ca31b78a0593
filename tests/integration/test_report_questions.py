"""The named questions, on an empty store, one with rationales only, and a full one with a truth counted by hand."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from cotdistill.analysis.questions import QUESTIONS, answer
from cotdistill.analysis.show import plain
from cotdistill.analysis.statistics import effective_n, mcnemar, sign_flip, wilson
from cotdistill.errors import ConfigError
from cotdistill.tasks.values import Question

if TYPE_CHECKING:
    from .conftest import Lab


def _counting(level: int) -> Callable[[Question], str]:
    return lambda q: f"{level} steps. The answer is {q.gold}"


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_an_empty_store_says_what_to_do_next(lab: "Lab", name: str) -> None:
    found = answer(lab.store, name)
    assert found.rows == ()
    assert any("Next: cotdistill " in note for note in found.notes)


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_every_question_has_a_title_help_and_filters(name: str) -> None:
    question = QUESTIONS[name]
    assert question.title.endswith("?") and "Grain:" in question.help and "Columns:" in question.help
    assert "dataset" in question.filters and question.sql.startswith("--")


def test_coverage_counts_and_names_the_hole(full_lab: "Lab") -> None:
    full_lab.cell("other", 1, "original", lambda q: "no idea" if q is full_lab.train[0] else f"The answer is {q.gold}")
    found = plain(answer(full_lab.store, "coverage"))
    rows = {(r["teacher"], r["level"]): r for r in found["rows"]}
    three = rows["teacher", 3]
    assert (three["wanted"], three["received"], three["missing"], three["correct"]) == (40, 36, 4, 36)
    assert three["mean_steps"] == 2.0
    assert (rows["other", 1]["correct"], rows["other", 1]["unparsed"]) == (39, 1)
    assert (rows["other", 3]["wanted"], rows["other", 3]["received"]) == (0, 0)
    assert any("hole: arith by other has no level 3" in note for note in found["notes"])
    assert any("4 replies are wanted and missing" in note for note in found["notes"])


def test_accuracy_pools_seeds_and_keeps_the_questions_honest(full_lab: "Lab") -> None:
    rows = {(r["level"], r["format"]): r for r in plain(answer(full_lab.store, "accuracy"))["rows"]}
    assert len(rows) == 4
    base = rows[None, None]
    assert (base["supervision"], base["n"], base["n_correct"], base["runs"]) == ("untouched", 100, 5, 0)
    low, high = base["low"], base["high"]
    assert (low, high) == pytest.approx((wilson(5, 100).low, wilson(5, 100).high))
    only = rows[None, "answer-only"]  # both runs agree on every question: 200 answers are worth about 100
    assert (only["n"], only["n_questions"], only["accuracy"], only["runs"]) == (200, 100, 0.2, 2)
    assert only["n_effective"] == pytest.approx(100)
    three = rows[3, "original"]
    means = [0.5] * 10 + [1.0] * 60 + [0.5] * 10 + [0.0] * 20
    assert three["accuracy"] == 0.7 and three["seeds"] == [1, 2]
    assert three["n_effective"] == pytest.approx(effective_n(means, 200))
    expected = wilson(0.7 * three["n_effective"], three["n_effective"])
    assert (three["low"], three["high"]) == pytest.approx((expected.low, expected.high))
    assert three["truncated"] == 0.01 and three["unparsed"] == 0.0
    assert "greedy" in " ".join(answer(full_lab.store, "accuracy").notes)


def test_levels_is_paired_named_and_corrected(full_lab: "Lab") -> None:
    found = plain(answer(full_lab.store, "levels"))
    rows = {(r["supervision"], r["kind"]): r for r in found["rows"]}
    assert set(rows) == {(s, k) for s in ("level 1", "level 3") for k in ("answer-only", "best other", "untouched")} | {
        ("answer-only", "untouched")
    }
    three = rows["level 3", "best other"]
    gaps = [-0.5] * 10 + [0.0] * 30 + [0.5] * 2 + [1.0] * 28 + [0.5] * 10 + [0.0] * 20
    assert three["difference"] == pytest.approx(0.29) and three["n_questions"] == 100
    assert three["p"] == pytest.approx(sign_flip(gaps, 2))
    assert three["p_holm"] >= three["p"] and three["about"] == "these runs" and three["verdict"] == "better"
    assert rows["level 1", "best other"]["verdict"] == "worse"
    assert rows["level 1", "answer-only"]["difference"] == pytest.approx(0.21)
    assert any("these runs" in n for n in found["notes"]) and any("Holm over the 6 pairs" in n for n in found["notes"])


def test_one_run_each_is_mcnemar(lab: "Lab") -> None:
    for level, right in ((1, range(50)), (2, range(3, 55))):
        lab.run(lab.cell("t", level, "original", _counting(level)), 1, right)
    found = plain(answer(lab.store, "levels"))
    row = next(r for r in found["rows"] if r["supervision"] == "level 2")
    assert row["test"] == "McNemar, exact" and row["p"] == pytest.approx(mcnemar(5, 3))
    assert row["verdict"] == "cannot tell"
    assert any("no answer-only run" in n for n in found["notes"])


def test_three_seeds_speak_of_the_supervision(lab: "Lab") -> None:
    for level, size in ((1, 30), (5, 80)):
        cell = lab.cell("t", level, "original", _counting(level))
        for seed in (1, 2, 3):
            lab.run(cell, seed, range(seed, size + seed))
    row = plain(answer(lab.store, "levels", level=[1, 5]))["rows"][1]
    assert (row["test"], row["about"], row["verdict"]) == (
        "crossed runs x questions, t of seeds - 1",
        "supervisions",
        "better",
    )


def test_diversity_is_beside_accuracy(full_lab: "Lab") -> None:
    rows = {r["level"]: r for r in plain(answer(full_lab.store, "diversity"))["rows"]}
    assert rows[3]["accuracy"] == 0.7 and rows[3]["source"] == "corpus" and rows[3]["n_rows"] == 36
    assert rows[3]["distinct_plans"] == pytest.approx(1 / 36) and rows[3]["mean_equations"] == 2.0
    assert rows[3]["share_correct"] == 1.0 and rows[None]["distinct_plans"] is None


def test_spend_never_guesses_a_price(full_lab: "Lab") -> None:
    found = answer(full_lab.store, "spend")
    rows = {r["level"]: r for r in plain(found)["rows"]}
    assert rows[3]["usd"] == pytest.approx(0.36) and rows[3]["usd_per_correct"] == pytest.approx(0.01)
    assert rows[None]["usd"] is None and rows[None]["calls_unpriced"] == 40 and rows[None]["usd_per_correct"] is None
    assert any("unpriced" in note for note in found.notes)


def test_filters_keep_the_references(full_lab: "Lab") -> None:
    kept = plain(answer(full_lab.store, "accuracy", level=3))["rows"]
    assert [r["supervision"] for r in kept] == ["untouched", "answer-only", "level 3"]
    assert plain(answer(full_lab.store, "coverage", level=[3]))["rows"][0]["level"] == 3
    assert answer(full_lab.store, "accuracy", dataset="gsm8k").rows == ()
    with pytest.raises(ConfigError, match="coverage cannot be filtered by student"):
        answer(full_lab.store, "coverage", student="tiny")
    with pytest.raises(ConfigError, match="no question named 'acuracy'"):
        answer(full_lab.store, "acuracy")


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_answers_are_json_and_rectangular(full_lab: "Lab", name: str) -> None:
    found = answer(full_lab.store, name)
    assert found.rows and all(len(row) == len(found.columns) for row in found.rows)
    assert json.loads(json.dumps(plain(found)))["rows"]
