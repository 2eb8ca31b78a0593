"""Every named question on a store of three seeds whose truth is known, on one where nothing differs, and on an empty
one; and its .sql file as any DuckDB client runs it."""

import copy
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from cotdistill.analysis.answers import SQL
from cotdistill.analysis.measure import measure
from cotdistill.analysis.questions import QUESTIONS, answer
from cotdistill.analysis.show import plain
from cotdistill.store.cells import Cell
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question, Recipe

from .conftest import Lab

if TYPE_CHECKING:
    from cotdistill.analysis.answers import Answer

N_TEST = 200
STUDENTS = (("tiny", 0.0), ("tiny-s", -0.1))
# Right answers in 200 of each supervision: teacher, level, format -> share.
TRUTH = {
    ("strong", 1, "original"): 0.40,
    ("strong", 3, "original"): 0.75,
    ("strong", 5, "original"): 0.45,
    ("weak", 3, "original"): 0.42,
    ("strong", 3, "symbolic"): 0.35,
    ("strong", None, "answer-only"): 0.20,
}


def _writing(teacher: str, level: int | None, format: str, rng: random.Random):  # type: ignore[no-untyped-def]
    def write(q: Question) -> str:
        a, b = rng.randint(1, 50), rng.randint(1, 50)
        steps = f"First {a} + {b} = {a + b}. " * (level or 0)
        wrong = teacher == "weak" and rng.random() < 0.3
        return f"{steps}The answer is {'-5' if wrong else q.gold}"

    return write


def _fill(
    path: Path, truth: dict[tuple[str, int | None, str], float], seeds: int, base: float, students: int = 1
) -> Lab:
    lab, rng = Lab(path, 40, N_TEST), random.Random(1)
    hard = [rng.random() for _ in range(N_TEST)]

    def right(share: float) -> list[int]:
        """A run that gets the easier questions right, with some luck of its own."""
        return [i for i, h in enumerate(hard) if h + rng.gauss(0, 0.15) < share + rng.gauss(0, 0.01)]

    for (teacher, level, format), share in truth.items():
        cell = lab.cell(teacher, level, format, _writing(teacher, level, format, rng), usd=0.001 * (level or 1))
        for seed in range(1, seeds + 1):
            for student, up in STUDENTS[: students if seed == 1 else 1]:
                lab.run(cell, seed, right(share + up), student)
    for student, up in STUDENTS[:students]:
        lab.untouched(right(base + up), student)
    return lab


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The store of TRUTH, measured; not to be changed."""
    lab = _fill(tmp_path_factory.mktemp("known") / "known.duckdb", TRUTH, 3, 0.15, 2)
    done = measure(lab.store)
    assert done["rationales"] == 40 * len(TRUTH) and done["groups"] > len(TRUTH)
    return lab


@pytest.fixture
def mine(known: Lab, store_path: Path) -> Lab:
    """A copy of it, free to be changed."""
    shutil.copyfile(known.store.path, store_path)
    lab = copy.copy(known)
    lab.store = Store.open(store_path)
    return lab


def _rows(found: "Answer") -> list[dict]:  # type: ignore[type-arg]
    return plain(found)["rows"]


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_the_sql_of_a_question_runs_in_any_client(known: Lab, tmp_path: Path, name: str) -> None:
    question = QUESTIONS[name]
    opening = question.sql.splitlines()[0]
    assert opening.startswith("-- ") and question.title.endswith("?") and "Grain:" in question.help
    for store, empty in ((known.store, False), (Store.open(tmp_path / "empty.duckdb"), True)):
        with duckdb.connect(str(store.path), read_only=True) as con:
            needed = question.needs
            if needed and not con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [needed]).fetchone():
                continue
            rows = con.execute((SQL / f"{name.replace('-', '_')}.sql").read_text()).fetchall()
        if empty:
            assert rows == []
        else:
            assert rows or name in ("gold", "transfer", "fault-errors", "learnability")


def test_a_variable_of_the_client_filters(known: Lab) -> None:
    with duckdb.connect(str(known.store.path), read_only=True) as con:
        con.execute("SET VARIABLE student = ['tiny-s']")
        rows = con.execute((SQL / "gain.sql").read_text()).fetchall()
    assert len(rows) == len(TRUTH)


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_an_empty_store_says_what_to_do_next(lab: Lab, name: str) -> None:
    found = answer(lab.store, name)
    assert found.rows == () and any("Next: cotdistill " in note for note in found.notes)


def test_formats_and_teachers_are_told_apart(known: Lab) -> None:
    formats = _rows(answer(known.store, "formats", student="tiny"))
    assert [(r["supervision"], r["against"], r["verdict"]) for r in formats] == [
        ("strong level 3 symbolic", "strong level 3", "worse")
    ]
    assert formats[0]["about"] == "supervisions" and formats[0]["n_questions"] == N_TEST
    assert formats[0]["low"] < formats[0]["difference"] < formats[0]["high"] < 0
    (teachers,) = _rows(answer(known.store, "teachers", student="tiny"))
    assert (teachers["first_teacher"], teachers["verdict"]) == ("strong", "better")
    assert teachers["first_own_accuracy"] == 1.0 and 0.5 < teachers["second_own_accuracy"] < 0.9


def test_the_family_is_every_contrast_of_the_question_on_the_data_set(known: Lab) -> None:
    found = answer(known.store, "gain")
    rows = _rows(found)
    assert len(rows) == 2 * len(TRUTH) and any("12 on arith" in note for note in found.notes)
    assert all(r["p_holm"] >= r["p"] for r in rows)
    smallest = min(rows, key=lambda r: r["p"])
    assert smallest["p_holm"] == pytest.approx(min(1.0, 12 * smallest["p"]))


def test_an_inner_level_is_found_best(known: Lab) -> None:
    found = answer(known.store, "best-level", student="tiny")
    (row,) = _rows(found)
    assert (row["best_level"], row["levels"], row["verdict"]) == (3, [1, 3, 5], "better")
    assert (row["inner_level"], row["inner_verdict"], row["about"]) == (3, "better", "supervisions")
    assert any("stronger students" in note and "cannot tell" in note for note in found.notes)


def test_level_curve_has_an_interval_at_each_level(known: Lab) -> None:
    rows = _rows(answer(known.store, "level-curve", student="tiny", teacher="strong", format="original"))
    assert [r["level"] for r in rows] == [1, 3, 5]
    assert all(r["low"] < r["accuracy"] < r["high"] and r["n_questions"] == N_TEST and r["runs"] == 3 for r in rows)


def test_where_nothing_differs_nothing_is_told(store_path: Path) -> None:
    """Five supervisions as good as the untouched base: every comparison cannot tell, and says what it would find."""
    truth = {("strong", level, "original"): 0.5 for level in (1, 3, 5)}
    truth |= {("weak", 3, "original"): 0.5, ("strong", 3, "symbolic"): 0.5}
    store = _fill(store_path, truth, 3, 0.5).store
    for name in ("levels", "formats", "teachers", "gain"):
        rows = _rows(answer(store, name))
        assert rows and {r["verdict"] for r in rows} == {"cannot tell"}, name
        assert all("smallest_detectable" not in r or 0 < r["smallest_detectable"] < 0.5 for r in rows)
    for row in _rows(answer(store, "best-level")):
        assert (row["verdict"], row["inner_verdict"]) == ("cannot tell", "cannot tell")
    for name in ("diversity", "complexity"):
        verdicts = {r["verdict"] for r in _rows(answer(store, name)) if r["kind"] == "association"}
        assert verdicts == {"cannot tell"}


def test_under_three_seeds_a_verdict_is_about_these_runs(store_path: Path) -> None:
    truth = {k: v for k, v in TRUTH.items() if k[1] == 3}
    found = answer(_fill(store_path, truth, 2, 0.2).store, "formats")
    assert {r["about"] for r in _rows(found)} == {"these runs"}
    assert any("these runs" in note and "never about this recipe" in note for note in found.notes)


def test_fewer_than_ten_cells_cannot_tell(known: Lab) -> None:
    found = answer(known.store, "complexity", student="tiny")
    verdicts = [r for r in _rows(found) if r["kind"] == "association"]
    assert {r["property"] for r in verdicts} == {"tokens", "steps", "equations", "numbers"}
    assert all(r["n"] < 10 and r["verdict"] == "cannot tell" for r in verdicts)
    assert any("fewer than 10" in note for note in found.notes)
    both = [r for r in _rows(answer(known.store, "complexity")) if r["kind"] == "association"]
    numbers = both.pop()  # every text repeats one equation: no spread, nothing to say
    assert numbers["property"] == "numbers" and numbers["rho"] is None and numbers["n"] == 0
    assert all(r["n"] == 10 and r["strata"] == 2 for r in both)  # five supervisions with reasoning, two students


def test_diversity_is_at_an_equal_budget(known: Lab) -> None:
    rows = [r for r in _rows(answer(known.store, "diversity")) if r["kind"] == "cell" and r["level"] == 5]
    assert rows and all(r["budget_words"] == 10_000 and r["sample_words"] > 0 for r in rows)
    assert all(1 <= r["vendi"] <= r["n_vendi"] and 0 <= r["self_bleu"] <= 1 for r in rows)
    three = next(r for r in _rows(answer(known.store, "diversity")) if r.get("level") == 3 and r["teacher"] == "weak")
    assert three["n_taught"] > 0 and 0 <= three["teachers_distance"] <= 1


def test_metrics_are_measured_once(mine: Lab) -> None:
    assert measure(mine.store) == {"rationales": 0, "questions": 0, "groups": 0}
    mine.cell("third", 3, "original", lambda q: f"1 + 1 = 2. The answer is {q.gold}")
    again = measure(mine.store)
    assert again["rationales"] == 40 and again["groups"] == 1


def test_dose_is_a_paired_sign_test(known: Lab) -> None:
    found = answer(known.store, "dose-check")
    steps = _rows(found)
    assert [(r["coarser"], r["finer"]) for r in steps] == [(1, 3), (3, 5)]
    assert all(r["verdict"] == "longer" and r["longer"] == r["n"] == 40 for r in steps)
    assert any("100.0 % of 40 questions get longer at each of 3 levels" in note for note in found.notes)


def test_cost_names_the_front(known: Lab) -> None:
    rows = _rows(answer(known.store, "cost", student="tiny", format="original"))
    best = rows[0]
    assert (best["teacher"], best["level"], best["pareto_usd"], best["pareto_tokens"]) == ("strong", 3, True, True)
    assert best["usd"] == pytest.approx(0.12) and best["usd_per_point"] == pytest.approx(0.12 / (100 * best["gain"]))
    five = next(r for r in rows if r["level"] == 5)
    assert not five["pareto_usd"]


def test_lineage_leads_to_the_rationales(known: Lab) -> None:
    key = known.test[0].key
    found = _rows(answer(known.store, "lineage", question=key[:12], student="tiny"))
    assert found and {r["question_key"] for r in found} == {key}
    runs = {r["run_key"] for r in found}
    with known.store.read() as con:
        right = con.execute(
            "SELECT run_key FROM prediction_now WHERE question_key = ? AND verdict = 'correct' AND run_key IS NOT NULL "
            "AND student = 'tiny'",
            [key],
        ).fetchall()
        corpora = dict(con.execute("SELECT run_key, corpus_hash FROM run").fetchall())
        members = {h: set() for h in corpora.values()}
        for corpus, rationale in con.execute("SELECT corpus_hash, rationale_key FROM corpus_member").fetchall():
            members[corpus].add(rationale)
    assert runs == {r for (r,) in right} and found[0]["n_right"] == len(runs)
    assert all(r["rationale_key"] in members[corpora[r["run_key"]]] for r in found)
    assert _rows(answer(known.store, "lineage", question="3"))[0]["place"] == 3


def test_gold_shown_is_compared_with_unaided(mine: Lab) -> None:
    shown = Cell("arith", "strong", Recipe(3, "original", "yes", "test"))
    with mine.store.read() as con:
        source = Cell("arith", "strong", Recipe(3, "original", "no", "test"))
        rows = con.execute(
            "SELECT question_key, sample_index, reply_key FROM cell_member WHERE cell_key = ?", [source.key]
        ).fetchall()
    members = [dict(zip(("question_key", "sample_index", "reply_key"), r, strict=True)) for r in rows[:-1]]
    with mine.store.write() as con:
        mine.store.insert(con, "cell", [shown.row()])
        mine.store.insert(con, "cell_member", [m | {"cell_key": shown.key} for m in members])
    for seed in (1, 2, 3):
        mine.run(shown, seed, range(seed, 20 + seed))
    (row,) = _rows(answer(mine.store, "gold"))
    assert (row["verdict"], row["against"], row["first_gold_visible"]) == ("worse", "unaided", "yes")


def test_faults_and_learnability_without_their_tables_cannot_tell(known: Lab) -> None:
    for name in ("fault-errors", "learnability"):
        found = answer(known.store, name)
        assert found.rows == () and "cannot tell" in found.notes[0]


def test_faults_and_learnability_with_them(mine: Lab) -> None:
    with mine.store.write() as con:
        con.execute(
            "CREATE TABLE IF NOT EXISTS rationale_score (rationale_key VARCHAR, weights_hash "
            "VARCHAR, template VARCHAR, "
            "dtype VARCHAR, student VARCHAR, n_tokens INTEGER, mean_nll DOUBLE, mean_rank DOUBLE, "
            "mean_log_rank DOUBLE, "
            "scored_at TIMESTAMP)"
        )
        con.execute(
            "INSERT INTO rationale_score SELECT rationale_key, 'tiny', 't', 'float32', 'tiny', 9, "
            "realised_tokens / 10, 2.0, 0.5, now()::TIMESTAMP FROM rationale"
        )
        con.execute(
            "CREATE OR REPLACE VIEW fault_now AS SELECT reply_key, NULL::VARCHAR AS rationale_key, 'short' AS rule, "
            "'few words' AS detail FROM rationale WHERE realised_steps <= 1"
        )
    rows = _rows(answer(mine.store, "learnability"))
    cells = [r for r in rows if r["kind"] == "supervision"]
    assert len(cells) == len(TRUTH) and all(r["n_scored"] == r["n_rows"] and r["mean_nll"] > 0 for r in cells)
    faults = _rows(answer(mine.store, "fault-errors"))
    shares = {(r["teacher"], r["level"]): r["share of short"] for r in faults if r["kind"] == "supervision"}
    assert shares["strong", 1] == 1.0 and shares["strong", 5] == 0.0
    assert [r["property"] for r in faults if r["kind"] == "association"] == ["short"]


def test_transfer_is_told_against_the_untouched_base_and_against_training_on_the_spot(store_path: Path) -> None:
    here, write = Lab(store_path, 12, 100), _writing("strong", 3, "original", random.Random(1))
    there = here.other("far")
    at_home, away = here.cell("strong", 3, "original", write), there.cell("strong", 3, "original", write)
    for seed in (1, 2, 3):
        run = here.run(at_home, seed, range(80))
        there.evaluate(run, range(55 + seed))
        there.run(away, seed, range(75 + seed))
    here.untouched(range(10))
    there.untouched(range(20))
    domain, base = sorted(_rows(answer(here.store, "transfer")), key=lambda r: r["against"])
    assert {(r["dataset"], r["trained_on"], r["n_questions"]) for r in (domain, base)} == {("far", "arith", 100)}
    assert (domain["against"], domain["difference"], domain["verdict"]) == ("in domain", pytest.approx(-0.20), "worse")
    assert (base["against"], base["difference"], base["verdict"]) == ("untouched", pytest.approx(0.37), "better")
    assert base["first_accuracy"] == pytest.approx(0.57) and base["low"] < 0.37 < base["high"]
