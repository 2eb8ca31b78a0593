"""A search fills smaller studies: it finds the planted best, trains little, and what it trained is the grid's own."""

from pathlib import Path

import pytest
import study_lab
from study_lab import Simulated

from cotdistill.errors import ConfigError, TrainError
from cotdistill.study.run import run_study
from cotdistill.study.search import narrowed, search_study

DESIGN = study_lab.design(cells={"levels": "1-6"}, training={"seeds": [1, 2, 3]})


def planted(label: str, seed: int) -> float:
    return 1.0 if "level 3" in label else 0.1


def contested(label: str, seed: int) -> float:
    return 1.0 if "level 3" in label else 0.6 if "level 4" in label else 0.1


def test_the_planted_best_is_found_with_few_trainings_which_the_grid_reuses(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    executor = Simulated(contested)
    found, share = search_study(DESIGN, store, executor, student="tiny", prior=False)
    assert found.best == "builtin-strict level 3"
    assert executor.kinds()["train"] == found.n_runs
    assert share <= 0.4
    again = Simulated(contested)
    assert search_study(DESIGN, store, again, student="tiny", prior=False)[0] == found
    assert again.kinds().get("train", 0) == 0  # killed or not, nothing is trained twice
    with store.read() as con:
        rows = con.execute("SELECT count(*) FROM run JOIN corpus USING (corpus_hash) WHERE n_rows = 30").fetchone()
    assert rows is not None
    assert 0 < rows[0] < found.n_runs
    grid = Simulated(contested)
    run_study(DESIGN, store, grid)
    assert grid.kinds()["train"] == 3 * 7 - rows[0]


def test_a_rung_trains_on_half_the_rows_and_asks_no_more_than_it_needs(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    search_study(DESIGN, store, Simulated(planted), student="tiny", prior=False)
    with store.read() as con:
        rows = con.execute("SELECT min(n_rows), count(*) FROM corpus JOIN run USING (corpus_hash)").fetchone()
        n_replies = con.execute("SELECT count(*) FROM reply").fetchone()
    assert rows is not None
    assert rows[0] == 15
    assert n_replies is not None
    assert 6 * 23 <= n_replies[0] < 6 * 30


def test_a_rung_that_fails_stops_the_search_with_its_reason(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    broken = Simulated(fail=lambda label: "no memory" if "level 5" in label else None)
    with pytest.raises(TrainError, match=r"no memory.*Next: the same command again"):
        search_study(DESIGN, store, broken, student="tiny", prior=False)


def test_a_search_says_what_it_cannot_search() -> None:
    with pytest.raises(ConfigError, match="trains no 'bloom-560m'"):
        narrowed(DESIGN, "bloom-560m", None)
    with pytest.raises(ConfigError, match="has arith"):
        narrowed(DESIGN, "tiny", "svamp")
    with pytest.raises(ConfigError, match="one plain"):
        narrowed(study_lab.design(selection=[{"name": "a"}, {"name": "b", "rows": 5}]), "tiny", None)
