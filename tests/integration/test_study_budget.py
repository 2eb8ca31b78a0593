"""A study with a cap: buying stops under it, what is whole is trained, a higher cap goes on and asks nothing twice."""

from pathlib import Path

import study_lab
from study_lab import Simulated

from cotdistill.gen.budget import spent
from cotdistill.gen.builtin.background import start_server
from cotdistill.study.design import Design
from cotdistill.study.run import run_study

# Some tens of cents a reply at these prices, and at most a few dollars.
REGISTRY = """
[priced]
provider = "openai-compatible"
model = "builtin-strict"
base_url = "{url}"
max_tokens = 200
usd_input = 1000.0
usd_output = 1000.0
listed_on = 2026-01-01
"""


def priced(tmp_path: Path, url: str) -> Design:
    registry = tmp_path / "teachers.toml"
    registry.write_text(REGISTRY.format(url=url))
    return study_lab.design(
        cells={"teachers": ["priced"], "levels": [1]},
        asking={"registry": registry, "max_tokens": 200, "concurrency": 4},
    )


def test_a_cap_is_kept_and_raised(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    with start_server() as server:
        design = priced(tmp_path, server.base_url)
        executor = Simulated()
        ran = run_study(design, store, executor, max_usd=8.0)
        assert ran.stopped is not None
        assert "--max-usd 8" in ran.stopped
        assert 0 < spent(store) <= 8.0
        assert executor.kinds() == {"harvest": 1, "evaluate": 1}  # no cell is whole; the untouched student answers
        assert ran.missing == 4
        rest = run_study(design, store, Simulated(), max_usd=500.0)
        assert (rest.stopped, rest.missing) == (None, 0)
    with store.read() as con:
        calls = con.execute("SELECT count(*), count(DISTINCT reply_key) FROM attempt").fetchone()
    assert calls == (60, 60)


def test_a_cap_without_a_price_is_refused_for_that_teacher_alone(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "lab.duckdb")
    registry = tmp_path / "teachers.toml"
    registry.write_text('[free]\nprovider = "openai-compatible"\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n')
    cells = {"teachers": ["free", "builtin-strict"], "levels": [1]}
    design = study_lab.design(cells=cells, asking={"registry": registry, "max_tokens": 200})
    ran = run_study(design, store, Simulated(), max_usd=1.0)
    ((what, why),) = ran.errors
    assert what.startswith("free on arith")
    assert "the price of free is unknown" in why
    assert ran.counts["train", "done"] == 4  # the other teacher's cells are whole, and were trained on
