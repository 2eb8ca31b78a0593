"""Bad input: one clear message each (what, where, value, next command), its exit code, and nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest


def cotdistill(*words: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cotdistill", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused(done: "subprocess.CompletedProcess[str]", code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    own = tmp_path / "own.jsonl"
    own.write_text('{"question": "Two and two?", "answer": "4"}\n')
    done = cotdistill("questions", "add", own, "--dataset", "own", "--kind", "number", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_unknown_data_set(tmp_path: Path) -> None:
    done = cotdistill("questions", "load", "--dataset", "gsm9k", cwd=tmp_path)
    refused(done, 2, "unknown data set 'gsm9k'", "gsm8k", "Next:")
    assert not (tmp_path / "cotdistill.duckdb").exists()


def test_unknown_data_set_of_generate_buys_nothing(tmp_path: Path) -> None:
    done = cotdistill(
        "generate", "--teacher", "mine", "--base-url", "http://127.0.0.1:9/v1", "--dataset", "gsm9k", cwd=tmp_path
    )
    refused(done, 2, "unknown data set 'gsm9k'", "Next:")


def test_teacher_without_key(tmp_path: Path) -> None:
    done = cotdistill("generate", "--teacher", "gpt-4o", "--dataset", "svamp", cwd=tmp_path)
    refused(done, 2, "OPENAI_API_KEY", "not set", "Next:")
    assert not (tmp_path / "cotdistill.duckdb").exists()


def test_unknown_teacher(tmp_path: Path) -> None:
    refused(cotdistill("generate", "--teacher", "gpt-99", cwd=tmp_path), 2, "unknown teacher 'gpt-99'", "--base-url")


def test_builtin_teacher_beyond_arith(loaded: Path) -> None:
    refused(
        cotdistill("generate", "--teacher", "builtin-strict", "--dataset", "own", cwd=loaded), 2, "arith only", "'own'"
    )


def test_own_teacher_registry_with_a_wrong_field(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[me]\nprovider = "openai-compatible"\nmodel = "m"\nbase_ulr = "http://x/v1"\n')
    done = cotdistill("generate", "--teacher", "me", "--teachers", "mine.toml", cwd=tmp_path)
    refused(done, 2, "mine.toml", "me", "Next:")


@pytest.mark.parametrize("verb", [("status",), ("sql", "SELECT 1"), ("export",), ("questions", "list")])
def test_missing_store(tmp_path: Path, verb: tuple[str, ...]) -> None:
    refused(cotdistill(*verb, cwd=tmp_path), 1, "no store at cotdistill.duckdb", "Next:")
    assert list(tmp_path.iterdir()) == []


def test_unreadable_and_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("not a database")
    refused(
        cotdistill("status", "--store", "text.duckdb", cwd=tmp_path), 1, "text.duckdb", "not a DuckDB file", "--store"
    )
    with duckdb.connect(str(tmp_path / "foreign.duckdb")) as con:
        con.execute("CREATE TABLE theirs (a INTEGER)")
    done = cotdistill("questions", "load", "--dataset", "arith", "--store", "foreign.duckdb", cwd=tmp_path)
    refused(done, 1, "foreign.duckdb", "not a cotdistill store (it holds: theirs)", "--store")
    with duckdb.connect(str(tmp_path / "foreign.duckdb")) as con:
        assert con.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("theirs",)]
    refused(
        cotdistill("status", "--store", "no/such/folder/x.duckdb", cwd=tmp_path),
        1,
        "no store at no/such/folder/x.duckdb",
    )
    done = cotdistill("questions", "load", "--dataset", "arith", "--store", "no/such/x.duckdb", cwd=tmp_path)
    refused(done, 1, "no folder no/such", "mkdir -p no/such")


def test_malformed_line_17_stores_no_line(tmp_path: Path) -> None:
    lines = [json.dumps({"question": f"What is {i} and {i}?", "answer": str(2 * i)}) for i in range(30)]
    lines[16] = '{"question": "What is 16 and'
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    done = cotdistill("questions", "add", "mine.jsonl", "--dataset", "mine", "--kind", "number", cwd=tmp_path)
    refused(done, 2, "mine.jsonl", "line 17", "What is 16 and", "Next:")
    assert not (tmp_path / "cotdistill.duckdb").exists()


def test_malformed_rationale_line_stores_no_line(loaded: Path) -> None:
    lines = [json.dumps({"question": "Two and two?", "rationale": "2 + 2 = 4. The answer is 4."}) for _ in range(20)]
    lines[16] = "[]"
    (loaded / "r.jsonl").write_text("\n".join(lines))
    done = cotdistill("import", "rationales", "r.jsonl", "--dataset", "own", "--teacher", "me", cwd=loaded)
    refused(done, 2, "r.jsonl", "line 17", "Next:")
    count = cotdistill("sql", "SELECT count(*) AS n FROM reply", "--json", cwd=loaded)
    assert json.loads(count.stdout) == [{"n": 0}]


def test_import_of_a_folder_that_is_not_the_papers(tmp_path: Path) -> None:
    refused(cotdistill("import", "paper", tmp_path, cwd=tmp_path), 2, "dataset_info.json", "Next:")


def test_split_whose_file_is_absent_is_named(tmp_path: Path, data: Path) -> None:
    done = cotdistill(
        "questions", "load", "--dataset", "aqua", "--split", "train", "--source", data / "benchmarks", cwd=tmp_path
    )
    refused(done, 2, "aqua_only_ans.json", "Next:")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--level", "1-9"), ("unknown level 7", "--level 1-6")),
        (("--level", "two"), ("--level 'two'", "1,3,5")),
        (("--format", "haiku"), ("unknown format 'haiku'", "least-to-most")),
        (("--concurrency", "0"), ("--concurrency",)),
        (("--temperature", "hot"), ("--temperature",)),
        (("--no-such-flag",), ("--no-such-flag",)),
    ],
)
def test_wrong_flag_values(tmp_path: Path, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    done = cotdistill("generate", "--teacher", "builtin-strict", *words, cwd=tmp_path)
    refused(done, 2, *parts)
    assert not (tmp_path / "cotdistill.duckdb").exists()


def test_selection_without_a_match_says_what_there_is(loaded: Path) -> None:
    (loaded / "r.jsonl").write_text(json.dumps({"question": "Two and two?", "rationale": "The answer is 4."}) + "\n")
    done = cotdistill("import", "rationales", "r.jsonl", "--dataset", "own", "--teacher", "me", cwd=loaded)
    assert done.returncode == 0, done.stderr
    refused(cotdistill("export", "--teacher", "you", cwd=loaded), 2, "--teacher you", "own by me")
    refused(cotdistill("export", "--to", "excel", cwd=loaded), 2, "'excel'", "llamafactory")


def test_a_failed_query_is_one_message(loaded: Path) -> None:
    refused(cotdistill("sql", "SELECT colour FROM reply", cwd=loaded), 1, "colour", "SHOW TABLES")
    refused(cotdistill("sql", "DROP TABLE reply", cwd=loaded), 1, "read-only")


def test_missing_extra_names_its_install_line(loaded: Path) -> None:
    """The training libraries are hidden from a real process, as where only the base is installed."""
    (loaded / "r.jsonl").write_text(json.dumps({"question": "Two and two?", "rationale": "The answer is 4."}) + "\n")
    cotdistill("import", "rationales", "r.jsonl", "--dataset", "own", "--teacher", "me", cwd=loaded)
    hide = "import sys; sys.modules['torch'] = None; from cotdistill.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, "train", "--student", "tiny"],
        cwd=loaded,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(done, 2, "torch is not installed", "pip install 'cotdistill[cpu]'")
