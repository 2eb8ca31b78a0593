"""The audit on the rationales released with the paper: the faults that are known to be there, and nothing invented.

Rows were read by hand (docs/design/08-audit.md); counts that the rules give are held within a band, counts of facts
exactly.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotdistill.analysis.audit import answers
from cotdistill.store.audit import audit
from cotdistill.store.import_paper import import_paper
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets.registry import load_questions

pytestmark = pytest.mark.slow

# Read by hand: these rows have the fault.
HAVE = {
    "not-derived": [
        ("gsm8k_gemini_level1_ranked.json", 4043),
        ("gsm8k_llama_level2_ranked.json", 1297),
        ("gsm8k_llama_level2_ranked.json", 4927),
        ("SVAMP_ChatGPT_level1_ranked.json", 518),
        ("gsm8k_gemini_level1_ranked.json", 6491),
    ],
    "lost-newlines": [
        ("openbookQA_chatgpt_level_6_ranked.json", 2168),
        ("SVAMP_ChatGPT_level5_ranked.json", 179),
        ("stqa_llama_level1_ranked.json", 1040),
        ("gsm8k_gemini_level2_ranked.json", 5803),
        ("obqa_llama_level3_ranked.json", 3304),
    ],
    "no-answer": [
        ("gsm8k_llama_level2_ranked.json", 5593),
        ("openbookqa_chatgpt_rar_level3_ranked.json", 4501),
        ("stqa_llama_level2_ranked.json", 1497),
        ("openbookQA_ChatGPT_0_shot_without_gt_ranked.json", 371),
    ],
    "two-answers": [
        ("gsm8k_llama_level1_ranked.json", 1426),
        ("0_SVAMP_chatgpt_level5BSM.json", 653),
        ("stqa_gemini_level4_ranked.json", 1558),
        ("SVAMP_llama_level3_ranked.json", 595),
    ],
    "truncated": [("gsm8k_gemini_level2_ranked.json", 5602)],
    "template-residue": [
        ("strategyQA_chatgpt_level_2_ranked.json", 89),
        ("strategyQA_chatgpt_level_6_ranked.json", 1647),
    ],
    "no-reasoning": [("SVAMP_ChatGPT_level4_ranked.json", 411), ("stqa_llama_level1_ranked.json", 399)],
    "empty": [("stqa_llama_level1_ranked.json", 1527)],
}
# How many replies each rule finds: a rule that changes its mind about many is to be looked at again.
ABOUT = {
    "not-derived": 7_387, "lost-newlines": 11_686, "template-residue": 4_104, "level-copy": 2_086,
    "wrong-answer": 1_974, "no-answer": 153, "two-answers": 124, "near-duplicate": 107, "no-reasoning": 66,
}  # fmt: skip


@pytest.fixture(scope="module")
def audited(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("paper") / "store.duckdb")
    for name in ("svamp", "gsm8k", "commonsenseqa", "openbookqa", "strategyqa"):
        add_questions(store, load_questions(name, source=data / "benchmarks").questions)
    import_paper(store, data / "paper/data")
    judge(store)
    assert audit(store).read == 217_460
    return store


def ask(store: Store, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql, list(params)).fetchall()


def test_rows_read_by_hand_have_their_faults(audited: Store) -> None:
    for rule, places in HAVE.items():
        found = set(ask(audited, "SELECT import_file, import_row FROM fault_row WHERE rule = ?", rule))
        assert set(places) <= found, rule


def test_facts_are_counted_exactly(audited: Store) -> None:
    leaked = "SELECT count(DISTINCT import_file), count(*) FROM fault_row WHERE rule = 'in-test-split' AND dataset = ?"
    assert ask(audited, leaked, "strategyqa") == [(1, 290)]  # the human corpus has the whole test split
    assert ask(audited, leaked, "openbookqa") == [(17, 391)]  # 23 questions whose words are in its test split, too
    exact = "SELECT count(*) FROM fault_row WHERE rule = 'exact-duplicate' AND import_file NOT LIKE '%0_shot%'"
    assert ask(audited, exact) == [(95,)]
    tag = "SELECT count(*) FROM fault_row WHERE rule = 'template-residue' AND dataset = 'strategyqa' AND detail LIKE ?"
    written = (
        "SELECT count(*) FROM reply WHERE import_file LIKE 'strategyQA_chatgpt%' AND text LIKE '%<Solution Path>%'"
    )
    assert ask(audited, tag, "<Solution Path>%") == ask(audited, written) == [(4_000,)]


def test_rules_find_about_as_much_as_when_they_were_looked_at(audited: Store) -> None:
    found = dict(ask(audited, "SELECT rule, count(DISTINCT reply_key) FROM fault_now GROUP BY rule"))
    for rule, n in ABOUT.items():
        assert 0.8 * n <= found[rule] <= 1.25 * n, (rule, found[rule])
    assert "wrong-language" not in found  # all of it is English


def test_the_level_is_a_weak_label(audited: Store) -> None:
    _, _, dose, monotone, missing = answers(audited, {})
    six = {(r["dataset"], r["teacher"]): r["share"] for r in monotone.detail if len(r["levels"]) == 6}
    assert len(six) == 7
    assert all(0.01 <= share <= 0.16 for share in six.values()), six
    shrunk = {
        (r["dataset"], r["teacher"], r["level"]) for r in dose.detail if r["not_grown"] and r["format"] == "original"
    }
    assert ("openbookqa", "llama-3-70b", 6) in shrunk
    svamp = next(note for note in missing.notes if note.startswith("svamp by llama-3-70b"))
    assert "level 5" in svamp
    assert "level 6" in svamp


def test_the_command_ends_well_on_all_of_it(audited: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", "audit", "--store", str(audited.path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "80"},
    )
    assert max(len(line) for line in done.stdout.splitlines() if "cotdistill sql" not in line) <= 80
    assert "in-test-split" in done.stdout
