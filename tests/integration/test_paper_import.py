"""The paper's released rationales: what the real files hold, and how the importer survives what they could hold."""

import json
from pathlib import Path

import duckdb
import pytest

from cotdistill.errors import ConfigError
from cotdistill.store.import_paper import PaperImport, import_paper
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets.registry import load_questions
from cotdistill.tasks.values import Question

LISTED_ROWS, UNLISTED_ROWS = 207_550, 9_911


def count(store: Store, sql: str) -> list[tuple[object, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def imported(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, PaperImport]:
    store = Store.open(tmp_path_factory.mktemp("paper") / "store.duckdb")
    for name in ("svamp", "gsm8k", "commonsenseqa", "openbookqa", "strategyqa"):
        add_questions(store, load_questions(name, source=data / "benchmarks").questions)
    return store, import_paper(store, data / "paper/data")


def test_every_row_becomes_a_reply(imported: tuple[Store, PaperImport]) -> None:
    store, summary = imported
    assert summary.replies == summary.new == LISTED_ROWS + UNLISTED_ROWS == 217_461
    assert count(store, "SELECT count(*), count(DISTINCT (import_file, import_row)) FROM reply") == [(217_461, 217_461)]
    listed = "SELECT sum(n_rows) FROM import_file WHERE listed_key IS {} NULL"
    assert count(store, listed.format("NOT")) == [(LISTED_ROWS,)]
    assert count(store, listed.format("")) == [(UNLISTED_ROWS,)]


def test_faults_are_statuses_and_absent_files_are_reported(imported: tuple[Store, PaperImport]) -> None:
    store, summary = imported
    assert (summary.ok, summary.empty, summary.malformed, summary.duplicate) == (217_355, 1, 0, 105)
    assert (len(summary.absent), len(summary.loaded), summary.unreadable, summary.unknown) == (88, 70, (), ())
    assert count(store, "SELECT import_file, import_row FROM reply WHERE status = 'empty'") == [
        ("stqa_llama_level1_ranked.json", 1527)
    ]
    in_listed = "SELECT count(*) FROM reply WHERE status = 'duplicate' AND import_file NOT LIKE '%0_shot%'"
    assert count(store, in_listed) == [(95,)]


def test_every_reply_finds_its_question(imported: tuple[Store, PaperImport]) -> None:
    store, summary = imported
    assert (summary.matched, summary.unmatched) == (217_461, 0)
    assert count(store, "SELECT count(*) FROM reply ANTI JOIN question USING (question_key)") == [(0,)]


def test_a_second_import_adds_nothing(imported: tuple[Store, PaperImport], data: Path) -> None:
    store, summary = imported
    tables = ("cell", "cell_member", "reply", "import_file")
    before = [count(store, f"SELECT count(*) FROM {table}") for table in tables]
    again = import_paper(store, data / "paper/data")
    assert (again.replies, again.new) == (summary.replies, 0)
    assert [count(store, f"SELECT count(*) FROM {table}") for table in tables] == before


def test_every_cell_is_recognised(imported: tuple[Store, PaperImport]) -> None:
    store, summary = imported
    cells = "SELECT {} FROM cell GROUP BY ALL ORDER BY ALL"
    assert summary.cells == 70
    assert [row[0] for row in count(store, cells.format("dataset"))] == [
        "commonsenseqa", "gsm8k", "openbookqa", "strategyqa", "svamp",
    ]  # fmt: skip
    assert [row[0] for row in count(store, cells.format("teacher"))] == [
        "gemini-1.5-flash", "gold", "gpt-4o", "human", "llama-3-70b",
    ]  # fmt: skip
    formats = "SELECT level, format, count(*) FROM cell WHERE dataset = 'svamp' AND teacher = 'gpt-4o' GROUP BY ALL"
    original = [(level, "original", 1) for level in range(1, 7)]
    others = [(n, name, 1) for n in (3, 5) for name in ("least-to-most", "rephrase-and-respond", "symbolic")]
    assert sorted(count(store, formats), key=str) == sorted(original + others, key=str)
    assert count(store, "SELECT DISTINCT level, format FROM cell WHERE teacher = 'human'") == [(None, None)]
    assert count(store, "SELECT DISTINCT level, format FROM cell WHERE teacher = 'gold'") == [(None, "answer-only")]
    shown = "SELECT gold_visible, count(*) FROM cell GROUP BY ALL ORDER BY ALL"
    assert count(store, shown) == [("no", 1), ("unknown", 68), ("yes", 1)]


def test_the_same_question_twice_in_a_file_is_a_further_sample(imported: tuple[Store, PaperImport]) -> None:
    store, _ = imported
    samples = (
        "SELECT max(n) FROM (SELECT count(DISTINCT sample_index) - count(*) AS n FROM cell_member "
        "GROUP BY cell_key, question_key)"
    )
    assert count(store, samples) == [(0,)]


def test_one_to_three_per_cent_of_gpt_4os_svamp_rationales_end_wrong(
    imported: tuple[Store, PaperImport], tmp_path: Path, data: Path
) -> None:
    # A store of its own: judging SVAMP alone takes seconds, all of the released files a minute.
    files = {path.name for path in (data / "paper/data").glob("*SVAMP_*hat*.json")}
    folder = tmp_path / "svamp"
    folder.mkdir()
    index = json.loads((data / "paper/data/dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(
        json.dumps({key: entry for key, entry in index.items() if entry["file_name"] in files})
    )
    for file in files:
        (folder / file).symlink_to(data / "paper/data" / file)
    store = Store.open(tmp_path / "svamp.duckdb")
    add_questions(store, load_questions("svamp", source=data / "benchmarks").questions)
    assert import_paper(store, folder).replies == 8391
    judge(store)
    rows = count(
        store,
        "SELECT level, format, avg((verdict = 'wrong')::INT), avg((verdict = 'unparsed')::INT), count(*) "
        "FROM cell_rationale GROUP BY ALL",
    )
    assert len(rows) == 12
    assert all(0.009 <= float(str(wrong)) <= 0.03 for _, _, wrong, _, _ in rows), rows
    assert all(float(str(unparsed)) <= 0.005 for _, _, _, unparsed, _ in rows), rows


# Folders made by hand


def folder_with(tmp_path: Path, files: dict[str, object], index: dict[str, object]) -> Path:
    folder = tmp_path / "released"
    folder.mkdir()
    for name, content in {**files, "dataset_info.json": index}.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def listed(file: str, prompt: str = "instruction", response: str = "output") -> dict[str, object]:
    return {"file_name": file, "columns": {"prompt": prompt, "response": response}}


def test_rows_with_every_fault(tmp_path: Path) -> None:
    rows = [
        {"instruction": "How many pens?", "output": "Two. The answer is 2"},
        {"instruction": "How many pens?", "output": "Two. The answer is 2"},
        {"instruction": "how many PENS", "output": "Pair. The answer is 2"},
        {"instruction": "How many inks?", "output": " "},
        {"instruction": "How many nibs?"},
        {"instruction": "How many caps?", "output": 7},
        {"output": "The answer is 2"},
        "not even a row",
    ]
    folder = folder_with(
        tmp_path,
        {"SVAMP_gemini_level2_ranked.json": rows, "SVAMP_llama_level_4.json": "[{", "stray.json": []},
        {
            "SVAMP_gemini_level2": listed("SVAMP_gemini_level2_ranked.json"),
            "SVAMP_llama_level4": listed("SVAMP_llama_level_4.json"),
            "SVAMP_llama_level5": listed("SVAMP_llama_level5_ranked.json"),
        },
    )
    store = Store.open(tmp_path / "s.duckdb")
    add_questions(store, [Question("svamp", "train", "How many pens?", "number", "2")])
    summary = import_paper(store, folder)
    assert (summary.ok, summary.duplicate, summary.empty, summary.malformed) == (2, 1, 1, 4)
    assert (summary.matched, summary.unmatched) == (3, 5)
    assert (summary.absent, summary.unreadable, summary.unknown) == (
        ("SVAMP_llama_level5",),
        ("SVAMP_llama_level4",),
        ("stray.json",),
    )
    samples = "SELECT sample_index FROM reply WHERE status IN ('ok', 'duplicate') ORDER BY import_row"
    assert count(store, samples) == [(0,), (1,), (2,)]
    kept = count(store, "SELECT text FROM reply WHERE status = 'malformed' ORDER BY import_row")
    assert kept[-1] == ('"not even a row"',)
    assert judge(store)[0] == 3


def test_a_file_that_appears_later_is_imported_then(tmp_path: Path) -> None:
    index: dict[str, object] = {"SVAMP_gemini_level2": listed("SVAMP_gemini_level2_ranked.json")}
    folder = folder_with(tmp_path, {}, index)
    store = Store.open(tmp_path / "s.duckdb")
    assert import_paper(store, folder).absent == ("SVAMP_gemini_level2",)
    (folder / "SVAMP_gemini_level2_ranked.json").write_text(
        json.dumps([{"instruction": "q?", "output": "The answer is 1"}])
    )
    assert import_paper(store, folder).new == 1
    assert count(store, "SELECT status FROM import_file ORDER BY ALL") == [("absent",), ("loaded",)]


def test_two_columns_of_one_file_are_two_cells(tmp_path: Path) -> None:
    index: dict[str, object] = {
        "math_onlyans": listed("math_human.json", "problem", "output"),
        "math_human": listed("math_human.json", "problem", "solution"),
    }
    row = {"problem": "1 + 1", "output": "2", "solution": "So \\boxed{2}"}
    folder = folder_with(tmp_path, {"math_human.json": [row]}, index)
    store = Store.open(tmp_path / "s.duckdb")
    assert (import_paper(store, folder).new, import_paper(store, folder).new) == (2, 0)
    assert count(store, "SELECT teacher, import_file, text FROM reply ORDER BY teacher") == [
        ("gold", "math_human.json#output", "2"),
        ("human", "math_human.json#solution", "So \\boxed{2}"),
    ]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "no dataset_info.json in"),
        ("{", "is not the index"),
        ("[]", "is not the index"),
        ('{"SVAMP_gemini_level2": {}}', "is not the index"),
        ('{"mystery_level2": {"file_name": "mystery.json", "columns": {}}}', "'mystery_level2' .* tell no data set"),
        ('{"svamp_level2": {"file_name": "svamp.json", "columns": {}}}', "'svamp_level2' .* tell no teacher"),
    ],
)
def test_a_folder_that_is_not_the_papers(tmp_path: Path, index: str | None, message: str) -> None:
    if index is not None:
        (tmp_path / "dataset_info.json").write_text(index)
    store = Store.open(tmp_path / "s.duckdb")
    with pytest.raises(ConfigError, match=message):
        import_paper(store, tmp_path)
    assert count(store, "SELECT count(*) FROM import_file") == [(0,)]


def test_an_import_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index: dict[str, object] = {"SVAMP_gemini_level2": listed("SVAMP_gemini_level2_ranked.json")}
    rows = [{"instruction": "q?", "output": "The answer is 1"}]
    folder = folder_with(tmp_path, {"SVAMP_gemini_level2_ranked.json": rows}, index)
    store = Store.open(tmp_path / "s.duckdb")
    with duckdb.connect(str(tmp_path / "s.duckdb")) as con:
        con.execute("DROP VIEW cell_rationale")
        con.execute("ALTER TABLE import_file DROP COLUMN n_rows")  # the last table written cannot take its row
    with pytest.raises(Exception, match="n_rows"):
        import_paper(store, folder)
    assert count(store, "SELECT count(*) FROM reply") == [(0,)]
