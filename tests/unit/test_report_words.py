"""Words and small computations of the report: findings, the front of prices, formats, text made visible."""

from typing import Any

import pytest

from cotdistill.analysis.answers import Answer, NamedQuestion
from cotdistill.analysis.findings import findings
from cotdistill.analysis.formats import format_contrasts
from cotdistill.analysis.page import as_data, shown, text
from cotdistill.analysis.pareto import front, priced
from cotdistill.analysis.sections_asked import questions_section, subtitle
from cotdistill.analysis.statistics import mcnemar


def cell(**more: Any) -> dict[str, Any]:
    made = {"dataset": "d", "teacher": "t", "level": 1, "format": "original", "gold_visible": "no"}
    counts = {"wanted": 100, "received": 100, "correct": 90, "wrong": 8, "unparsed": 2, "strict": 85}
    return made | {"prompt_version": "2"} | counts | more


def dose(medians: list[float], **more: Any) -> dict[str, Any]:
    made = {"dataset": "d", "teacher": "t", "format": "original", "levels": list(range(1, len(medians) + 1))}
    return made | {"medians": medians, "n": 100, "monotone_tokens": 9, "n_ends": 80} | more


def test_rationales_without_a_student_have_verdicts_too() -> None:
    cells = [cell(), cell(level=2, correct=60, wrong=40, unparsed=0), cell(format="answer-only", level=None, correct=0)]
    cells.append(cell(teacher="u", level=2, wanted=0, received=0, correct=0, wrong=0, unparsed=0, strict=0))
    right, length, faults, holes = findings(cells, [dose([10, 20, 15])], [{"value": "lost newlines", "n": 30}])
    assert right.verdict == "75.0 % of the rationales end with the gold answer"  # answers without reasoning left out
    assert "150 of 200 judged" in right.sentences[0] and "level 2: 60.0 % of 100" in right.sentences[1]
    assert length.verdict == "Finer levels are not always longer" and not length.sure
    assert "t on d: level 3 is shorter than level 2 (median 15 and 20 tokens)." in length.sentences
    assert any("9.0 % get longer at each of 3 levels" in s and "weak label" in s for s in length.sentences)
    assert "lost newlines: 30 replies, 10.0 %." in faults.sentences
    assert holes.verdict == "1 cell missing that another teacher has"
    assert findings([], [], []) == []


def test_a_dose_that_rises_is_said_to_rise() -> None:
    [found] = findings([], [dose([10, 20, 30], monotone_tokens=100, n_ends=100)], [])
    assert found.verdict == "Asking for finer steps gave longer rationales" and found.sure
    assert not any("weak label" in s for s in found.sentences)


def test_near_all_is_not_rounded_to_all() -> None:
    [found] = findings([cell(correct=9_999, wrong=1, unparsed=0, strict=9_999)], [], [])
    assert found.verdict.startswith("99.99 %")


def test_the_front_is_what_nothing_cheaper_beats() -> None:
    prices = [(1, 0.2), (2, 0.5), (2, 0.4), (3, 0.5), (4, 0.9), (4, 0.9), (5, 0.1)]
    rows = [{"usd": usd, "accuracy": accuracy} for usd, accuracy in prices]
    assert front(rows, "usd") == [True, True, False, False, True, True, False]


def test_an_unknown_price_is_no_price() -> None:
    scores = [{"cell_key": k, "accuracy": 0.5} for k in ("a", "b", "c", None)]
    costs = [
        {"cell_key": "a", "calls": 2, "usd": 1.0, "n_unpriced": 0, "completion_tokens": 9, "n_uncounted": 0},
        {"cell_key": "b", "calls": 2, "usd": 1.0, "n_unpriced": 1, "completion_tokens": None, "n_uncounted": 2},
    ]
    assert [r["cell_key"] for r in priced(scores, costs, "usd")] == ["a"]
    assert [r["completion_tokens"] for r in priced(scores, costs, "completion_tokens")] == [9]


def outcome(format: str, right: set[int], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(
        ("student", "base_hash", "split", "decoder", "engine", "dtype", "template"), "x"
    )
    made |= {"trainer": "trl", "profile": "{}", "dataset": "d", "trained_on": "d", "teacher": "t", "level": 3}
    made |= {"format": format, "gold_visible": "no", "prompt_version": "2", "corpus_hash": format, "n_rows": 9}
    made |= {"manifest": '{"rule": "r"}', "corpus_created_at": "2026", "run_key": format, "seed": 1}
    keys = [f"q{i}" for i in range(40)]
    return made | {"question_keys": keys, "shares": [float(i in right) for i in range(40)]} | more


def test_a_format_is_compared_with_the_original_at_its_level() -> None:
    rows = [
        *(outcome("original", set(range(10))), outcome("symbolic", set(range(5, 30)))),
        outcome("symbolic", set(), level=5),  # no original at level 5
        outcome("least-to-most", set(), teacher="other"),  # another teacher's
    ]
    [found] = format_contrasts(rows)
    assert (found.format, found.level, found.teacher, found.contrast.n) == ("symbolic", 3, "t", 40)
    assert found.contrast.difference == pytest.approx(15 / 40) and found.contrast.p == pytest.approx(mcnemar(20, 5))
    assert found.contrast.verdict == "better"


def test_what_cannot_be_seen_is_named() -> None:
    assert shown("a\u202eb\x00c\u200f\ud800") == "a[U+202E]b[U+0000]c[U+200F][U+D800]"
    assert shown("two\nlines\tand \u00e9\u4e2d\U0001f600") == "two\nlines\tand \u00e9\u4e2d\U0001f600"
    assert text("<b>\x00").text == "&lt;b&gt;[U+0000]" and text(None).text == "–"


def test_data_in_a_script_cannot_end_it() -> None:
    made = as_data({"t": "</script><!--\u2028\x00&"})
    assert not set("<>&\u2028\x00") & set(made)


def test_a_question_without_a_section_is_shown_with_a_forest_of_its_differences() -> None:
    question = NamedQuestion("gain", "What did training add?", "help", "-- gain\nSELECT 1", ())
    detail = {"student": "tiny", "level": 3, "difference": 0.2, "low": 0.1, "high": 0.3, "verdict": "better"}
    answer = Answer(
        "gain", question.title, ("student", "points", "n"), (("tiny", "+20.0", 40),), ("a note",), (detail,)
    )
    [section] = questions_section([(question, answer)])
    html = "".join(p.text for p in section.body)
    for part in ("What did training add?", "a note", "<svg", "+20.0", "SELECT 1", "cotdistill analyze gain --json"):
        assert part in html
    bare = Answer("gain", question.title, ("student",), (), ("Next: cotdistill train",), ())
    assert "<svg" not in "".join(p.text for p in questions_section([(question, bare)])[0].body)
    assert questions_section([]) == []


def test_what_was_asked_is_a_sentence() -> None:
    facts = [
        {"what": w, "value": v, "n": n} for w, v, n in [("dataset", "a", 5), ("teacher", "t", 9), ("level", "2", 9)]
    ]
    assert subtitle("x.duckdb", facts, 9) == "x.duckdb: t wrote 9 replies about a at level 2."
    many = facts + [{"what": "level", "value": v, "n": 9} for v in ("3", "4")]
    assert subtitle("x.duckdb", many, 1).endswith("1 reply about a at levels 2 to 4.")
    assert subtitle("x.duckdb", [], 0) == "x.duckdb: nothing was asked yet"
