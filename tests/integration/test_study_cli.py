"""`cotdistill study` as it is typed: without key and store, with a typing error, and on a store that has something."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import study_lab
from study_lab import Simulated

from cotdistill.study.run import run_study

SMALL = study_lab.as_toml()


def study(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cotdistill", "study", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )


def test_the_paper_is_planned_and_priced_without_key_or_store(tmp_path: Path) -> None:
    done = study("plan", "paper", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    teachers = {cell["supervision"].split()[0] for cell in plan["cells"]}
    assert teachers == {"untouched", "gpt-4o", "gemini-3.8-flash", "llama-3-70b"}
    assert {cell["dataset"] for cell in plan["cells"]} >= {"svamp", "gsm8k", "aqua", "math", "strategyqa"}
    assert 300 < plan["usd"] < 2000
    assert plan["replies_unpriced"] > 0  # the server of one's own has no price
    assert sorted(plan["questions_expected"]) == sorted(
        ["svamp", "gsm8k", "aqua", "math", "commonsenseqa", "openbookqa", "strategyqa"]
    )
    assert all(stage["done"] == 0 and stage["hours"] > 0 for stage in plan["stages"])
    assert list(tmp_path.iterdir()) == []


def test_a_plan_for_people_fits_the_terminal_and_says_what_it_rests_on(tmp_path: Path) -> None:
    done = study("plan", "laptop", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = " ".join(done.stdout.split())
    for said in ("estimates for what is missing", "assumed", "found four times in five", "not loaded"):
        assert said in words
    assert "Next: cotdistill study run laptop" in done.stderr


def test_questions_of_ones_own_are_counted_in_their_file_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(study("init", "domain", cwd=tmp_path).stdout)
    none = study("plan", "my.toml", cwd=tmp_path)
    assert none.returncode == 0, none.stderr
    assert "questions.jsonl: the questions of mine are counted as none" in " ".join(none.stdout.split())
    rows = [{"question": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(30)]
    rows += [{"question": f"What is {i} + 2?", "answer": str(i + 2), "split": "test"} for i in range(20)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = json.loads(study("plan", "my.toml", "--json", cwd=tmp_path).stdout)
    assert [stage["wanted"] for stage in plan["stages"]] == [4 * 30, 12, 13 * 20]
    assert 0 < plan["usd"] < 0.1
    (tmp_path / "questions.jsonl").write_text('{"question": "What is 1 + 1?", "answer": "two apples"}\n')
    bad = study("plan", "my.toml", cwd=tmp_path)
    assert bad.returncode == 2 and "two apples" in bad.stderr


def test_a_typing_error_is_one_line_with_the_nearest_key(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(SMALL.replace("teachers", "techers"))
    done = study("plan", "my.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "unknown key cells.techers" in done.stderr
    assert "did you mean teachers?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shipped_study_can_be_copied_and_read_back(tmp_path: Path) -> None:
    done = study("init", "laptop", cwd=tmp_path)
    (tmp_path / "my.toml").write_text(done.stdout)
    assert study("plan", "my.toml", "--json", cwd=tmp_path).returncode == 0
    resolved = json.loads(study("init", "laptop", "--json", cwd=tmp_path).stdout)
    assert resolved["training"]["seeds"] == [1, 2, 3]


def test_status_holes_and_report_of_a_study_that_misses_a_seed(tmp_path: Path) -> None:
    store = study_lab.with_questions(tmp_path / "cotdistill.duckdb")
    run_study(study_lab.design(training={"seeds": [1]}), store, Simulated())
    (tmp_path / "my.toml").write_text(SMALL)
    status = study("status", "my.toml", cwd=tmp_path)
    assert "builtin-strict" in status.stdout
    assert "nobody is at work on it. Next: cotdistill study run my.toml" in status.stderr
    told = json.loads(study("status", "my.toml", "--json", cwd=tmp_path).stdout)
    stages = {s["stage"]: (s["wanted"], s["done"]) for s in told["stages"]}
    assert stages == {"harvest": (90, 90), "train": (6, 3), "evaluate": (70, 40)}
    holes = json.loads(study("holes", "my.toml", "--json", cwd=tmp_path).stdout)
    assert [(h["stage"], h["why"], h["n"]) for h in holes] == [("train", "not trained", 1)] * 3 + [
        ("evaluate", "waits", 10)
    ] * 3
    report = study("report", "my.toml", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    html = (tmp_path / "lab.html").read_text()
    assert "The study lab" in html
    assert "6 holes" in html
    sections = re.findall(r'<section[^>]* id="([a-z-]+)"', html)
    assert sections[0] == "study"
