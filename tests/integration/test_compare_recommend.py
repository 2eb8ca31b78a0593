"""compare, recommend, the SQL shell and `analyze --list`, on stores whose truth is counted by hand."""

import json
from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from cotdistill.analysis.compare import compare
from cotdistill.analysis.expected import guess
from cotdistill.analysis.recommend import recommend
from cotdistill.analysis.show import plain
from cotdistill.analysis.statistics import mcnemar
from cotdistill.cli import app
from cotdistill.commands.shell import described, shell
from cotdistill.errors import ConfigError
from cotdistill.store.store import Store

if TYPE_CHECKING:
    from .conftest import Lab


@pytest.fixture
def two(lab: "Lab") -> tuple["Lab", str, str]:
    """Level 1 right on 0-49, level 2 on 3-54, of 100."""
    keys = []
    for level, right in ((1, range(50)), (2, range(3, 55))):
        cell = lab.cell(
            "t", level, "original", lambda q, n=level: "Go on. " * n + f"The answer is {q.gold}", usd=0.01 * level
        )
        keys.append(lab.run(cell, 1, right))
    return lab, *keys


def test_compare_counts_and_tests(two: tuple["Lab", str, str]) -> None:
    lab, a, b = two
    totals, items = compare(lab.store, a[:10], b[:10], items=4)
    (row,) = plain(totals)["rows"]
    assert (row["both right"], row["only a"], row["only b"], row["neither"]) == (47, 3, 5, 45)
    assert row["p"] == pytest.approx(mcnemar(3, 5)) and row["test"] == "McNemar, exact"
    assert (row["verdict"], row["about"]) == ("cannot tell", "these runs") and row["would_take"].endswith("questions")
    assert row["difference"] == pytest.approx(-0.02) and row["low"] < -0.02 < row["high"]
    assert len(items.rows) == 4 and {line[-1] for line in items.rows} == {"A"} | {line[-1] for line in items.rows}
    differ = [r for r in items.detail if r["outcome"].startswith("only")]
    assert len(differ) == 8 and len(items.detail) == 100 and "8 of 100 answers" in items.notes[0]
    assert [r["outcome"] for r in items.detail[:8]] == ["only a"] * 3 + ["only b"] * 5


def test_compare_names_a_key_that_fits_no_run(two: tuple["Lab", str, str]) -> None:
    lab, a, _ = two
    with pytest.raises(ConfigError, match="no evaluated run begins with 'zz'"):
        compare(lab.store, a[:10], "zz")
    with pytest.raises(ConfigError, match="2 evaluated runs begin with ''"):
        compare(lab.store, "", a)


def test_recommend_names_the_best_and_how_sure(full_lab: "Lab") -> None:
    found = recommend(full_lab.store, "tiny")
    tried = [r for r in plain(found)["rows"] if r["kind"] == "tried"]
    assert [r["supervision"] for r in tried] == ["teacher level 3", "teacher level 1", "teacher answer-only"]
    assert tried[1]["verdict"] == "better in these runs" and tried[1]["low"] < tried[1]["difference"] < tried[1]["high"]
    said = " ".join(found.notes)
    assert "use teacher level 3 (70.0 % right" in said and "over 2 of 2 it is better in these runs" in said
    assert "about these runs" in said and "fewer than 3 supervisions were tried" in said


def test_recommend_looks_for_the_cell_that_would_teach_most(lab: "Lab") -> None:
    for level, right in ((1, 30), (2, 45), (3, 60), (4, 72)):
        cell = lab.cell("t", level, "original", lambda q, n=level: "Go on. " * n + f"The answer is {q.gold}")
        lab.run(cell, 1, range(right))
    lab.untouched(range(5))
    found = recommend(lab.store, "tiny")
    missing = [r for r in plain(found)["rows"] if r["kind"] == "missing"]
    assert {r["supervision"] for r in missing} == {"t level 5", "t level 6"}
    assert all(r["low"] < r["expected_accuracy"] < r["high"] for r in missing)
    assert missing[0]["chance_to_beat_the_best"] >= missing[1]["chance_to_beat_the_best"]
    assert any(n.startswith("would teach most: t level") and "Next: cotdistill generate" in n for n in found.notes)


def test_recommend_keeps_to_the_money(two: tuple["Lab", str, str]) -> None:
    lab, _, _ = two
    found = recommend(lab.store, "tiny", max_usd=0.5)
    assert [r["supervision"] for r in plain(found)["rows"] if r["kind"] == "tried"] == ["t level 1"]
    assert any("1 supervisions cost more than $0.50" in n for n in found.notes)
    assert recommend(lab.store, "tiny", max_usd=0.1).rows == ()
    assert "was not evaluated" in recommend(lab.store, "nobody").notes[0]


def test_a_guess_goes_with_the_trend_and_widens_with_distance() -> None:
    tried = [
        {"teacher": t, "level": x, "format": "original", "accuracy": 0.2 + 0.1 * x + up, "n_questions": 200}
        for t, up in (("a", 0.0), ("b", 0.1))
        for x in (1, 2, 3, 4)
    ]
    untried = [{"teacher": "b", "level": x, "format": "original"} for x in (5, 6)]
    found = guess(tried, untried)
    assert found is not None and 0.6 < found[0].accuracy < 0.9
    assert found[1].error > found[0].error > 0 and 0 < found[0].chance_above(0.7) < 1
    assert guess(tried[:2], untried) is None


def test_the_list_of_questions_and_json_everywhere(full_lab: "Lab") -> None:
    runner, path = CliRunner(), str(full_lab.store.path)
    listed = json.loads(runner.invoke(app, ["analyze", "--list", "--json"]).stdout)
    assert len(listed) >= 18 and all(q["asks"].endswith("?") for q in listed)
    with full_lab.store.read() as con:
        a, b = (k for (k,) in con.execute("SELECT run_key FROM run ORDER BY run_key LIMIT 2").fetchall())
    for words in (
        ["compare", a, b],
        ["recommend", "--student", "tiny"],
        ["analyze", "gain"],
        ["analyze", "best-level"],
    ):
        done = runner.invoke(app, [*words, "--store", path, "--json"], catch_exceptions=False)
        assert done.exit_code == 0 and json.loads(done.stdout)
        shown = runner.invoke(app, [*words, "--store", path], catch_exceptions=False, env={"COLUMNS": "80"})
        assert max(len(x) for x in shown.stdout.splitlines() if "Next: " not in x) <= 80, words


def test_the_shell_survives_errors_and_a_busy_store(
    full_lab: "Lab", capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(
        ["select nonsense;", "select count(*) AS runs", "from run;", ".schema run_status", ".schema nothing", "",
         ".questions", ".run gain", ".what", "select 40 + 2 AS late;", ".quit", "select 1;"]
    )  # fmt: skip
    refused = [True]
    real = duckdb.connect

    def busy(*args: object, **kwargs: object) -> duckdb.DuckDBPyConnection:
        if refused.pop() if refused else False:
            raise duckdb.IOException("Could not set lock on file: Conflicting lock is held in PID 1")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    store = Store(full_lab.store.path, patience_s=5)
    monkeypatch.setattr(duckdb, "connect", busy)
    shell(store, lambda prompt: next(lines))
    out, err = capsys.readouterr()
    assert "the query failed" in err and "nothing is named 'nothing'" in err
    assert "6" in out and "outcome" in out and "42" in out and "untouched base" in out and "base_hash" in out
    assert next(lines) == "select 1;"


def test_the_shell_ends_with_its_input(full_lab: "Lab") -> None:
    done = CliRunner().invoke(app, ["sql", "--store", str(full_lab.store.path)], input="select 6 * 7 as x;\n")
    assert done.exit_code == 0 and "42" in done.stdout


def test_every_view_is_described(full_lab: "Lab") -> None:
    with full_lab.store.read() as con:
        views = {v for (v,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    assert views <= set(described())
    assert all(5 < len(text) < 240 for text in described().values())
