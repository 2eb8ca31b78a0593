"""Choosing rows by their place beside others: each rule on a handful of rows, worked by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from cotdistill.errors import ConfigError
from cotdistill.store import corpus_select as select
from cotdistill.store.corpus_rows import Selection, drawn, quotas
from cotdistill.store.corpus_rules import Chains, Equal, Mix, Relevel, Validation

Row = tuple[Any, ...]


def chosen(*rows: Row, **more: Any) -> Selection:
    """Rows of (question, level, tokens) or (question, level, tokens, sample), one teacher unless `more` says."""
    made = []
    for question, level, tokens, *rest in rows:
        sample = rest[0] if rest else 0
        key = f"{question}.{level}.{sample}"
        row = {"cell_key": f"c{level}", "question_key": question, "sample_index": sample, "reply_key": key}
        row |= {"rationale_key": f"r{key}", "verdict": "correct", "answer": "1", "realised_tokens": tokens}
        row |= {
            "realised_steps": tokens // 10,
            "completion_tokens": None,
            "dataset": "d",
            "teacher": "t",
            "level": level,
        }
        made.append(row | {"format": "original", "gold_visible": "no", "prompt_version": "1"} | more)
    frame = pl.DataFrame(made, schema_overrides={"level": pl.Int32, "completion_tokens": pl.Int64})
    return Selection(frame.sort("question_key", "sample_index", "reply_key"))


def kept(selection: Selection, *columns: str) -> list[Row]:
    return selection.rows.select(columns or ("question_key", "level", "sample_index")).rows()


def reasons(selection: Selection) -> dict[str, int]:
    return dict(selection.all_left_out().group_by("rule").len().iter_rows())


# Levels


def test_relevel_ranks_each_questions_rationales_by_length() -> None:
    s = chosen(("a", 1, 30), ("a", 2, 10), ("a", 3, 20), ("b", 1, 7), ("b", 2, 7), ("b", 3, 5))
    select.relevel(s, Relevel())
    new = {(q, r): level for q, r, level in s.rows.select("question_key", "reply_key", "level").iter_rows()}
    assert [new["a", f"a.{i}.0"] for i in (1, 2, 3)] == [3, 1, 2]
    assert [new["b", f"b.{i}.0"] for i in (1, 2, 3)] == [2, 3, 1]  # a tie falls to the requested level


def test_relevel_in_fewer_parts_and_with_rationales_missing() -> None:
    s = chosen(("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("a", 4, 4), ("b", 1, 1), ("b", 4, 2))
    select.relevel(s, Relevel(levels=2))
    assert s.rows["level"].to_list() == [1, 1, 2, 2, 1, 2]
    s = chosen(("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("a", 4, 4), ("b", 1, 1), ("b", 4, 2))
    select.relevel(s, Relevel())  # four cells: two rationales are the first and the third quarter
    assert s.rows.filter(pl.col("question_key") == "b")["level"].to_list() == [1, 3]


# Arms


def test_arms_are_named_by_what_differs() -> None:
    assert select.name_arms(chosen(("a", 2, 1), ("a", 1, 1))) == ["1", "2"]
    assert select.name_arms(chosen(("a", 2, 1))) == [None]
    two = Selection(pl.concat([chosen(("a", 1, 1)).rows, chosen(("a", 1, 1), teacher="u/v").rows]))
    assert select.name_arms(two) == ["t", "u-v"]
    answers = chosen(("a", None, 1), format="answer-only").rows
    assert select.name_arms(Selection(pl.concat([answers, chosen(("a", 1, 1), ("a", 3, 1)).rows]))) == [
        "answer-only", "1", "3",
    ]  # fmt: skip
    formats = Selection(pl.concat([chosen(("a", 1, 1)).rows, chosen(("a", 1, 1), format="symbolic").rows]))
    assert select.name_arms(formats) == ["original", "symbolic"]


# Chains


TEXTS = {"ra.1.0": "add the two", "ra.1.1": "add the two numbers", "ra.1.2": "count on fingers", "ra.1.3": "add two"}


def texts(keys: Sequence[str]) -> Mapping[str, str]:
    return {key: TEXTS[key] for key in keys}


@pytest.mark.parametrize(
    ("by", "k", "samples"),
    [("first", 2, [0, 1]), ("longest", 1, [1]), ("shortest", 2, [2, 3]), ("most-diverse", 2, [0, 2]),
     ("most-diverse", 3, [0, 2, 3])],
)  # fmt: skip
def test_chains_of_a_question(by: Any, k: int, samples: list[int]) -> None:
    # against sample 0: sample 1 shares 3 of 4 words, sample 2 none, sample 3 two of 3
    s = chosen(("a", 1, 20, 0), ("a", 1, 40, 1), ("a", 1, 10, 2), ("a", 1, 15, 3), ("b", 1, 5, 0))
    select.name_arms(s)
    select.chains(s, Chains(k=k, by=by), texts)
    assert s.rows.filter(pl.col("question_key") == "a")["sample_index"].to_list() == samples
    assert s.rows.filter(pl.col("question_key") == "b").height == 1
    assert reasons(s) == {f"beyond {k} a question ({by})": 4 - k}


def test_random_chains_are_of_the_seed() -> None:
    def picked(seed: int) -> list[Row]:
        s = chosen(*(("q%d" % i, 1, 5, n) for i in range(20) for n in range(5)))  # noqa: UP031
        select.name_arms(s)
        select.chains(s, Chains(k=1, by="random", seed=seed), texts)
        return kept(s)

    assert picked(1) == picked(1)
    assert picked(1) != picked(2)
    assert len({sample for _, _, sample in picked(1)}) > 2


# The common block


def test_the_common_block_is_what_all_arms_have() -> None:
    s = chosen(("a", 1, 1), ("a", 2, 1), ("b", 1, 1), ("c", 2, 1), ("d", 1, 1), ("d", 2, 1))
    select.common_block(s, select.name_arms(s))
    assert sorted(set(s.rows["question_key"])) == ["a", "d"]
    out = {row["question_key"]: row["detail"] for row in s.all_left_out().iter_rows(named=True)}
    assert out == {"b": "not in 2", "c": "not in 1"}


def test_a_common_block_is_of_one_data_set() -> None:
    other = chosen(("x", 1, 1), dataset="e").rows
    s = Selection(pl.concat([chosen(("a", 1, 1), ("a", 2, 1)).rows, other]))
    select.common_block(s, select.name_arms(s))
    assert sorted(s.rows["question_key"]) == ["a", "a", "x"]


def test_an_empty_arm_has_no_common_block() -> None:
    s = chosen(("a", 1, 1), ("a", 2, 1))
    arms = select.name_arms(s)
    s.keep(pl.col("level") == 1, "gone")
    with pytest.raises(ConfigError, match="no common block: 2 has no row left"):
        select.common_block(s, arms)


# Splits


def test_a_question_is_in_one_split_whatever_else_there_is() -> None:
    rows = [("q%03d" % i, level, 1) for i in range(400) for level in (1, 2)]  # noqa: UP031
    s = chosen(*rows)
    select.split(s, Validation(share=0.25))
    by_question = dict(s.rows.select("question_key", "split").iter_rows())
    assert all(by_question[q] == split for q, split in s.rows.select("question_key", "split").iter_rows())
    n = sum(split == "validation" for split in by_question.values())
    assert 70 < n < 130  # 100 expected, standard deviation 9
    fewer = chosen(*rows[:100])
    select.split(fewer, Validation(share=0.25))
    assert all(by_question[q] == split for q, split in fewer.rows.select("question_key", "split").iter_rows())


# Equal size


def test_equal_tokens_stop_before_the_smallest_total_is_passed() -> None:
    sizes = {1: 10, 2: 25, 3: 40}
    s = chosen(*((q, level, n) for q in "abcdefgh" for level, n in sizes.items()))
    arms = select.name_arms(s)
    select.split(s, None)
    select.equalise(s, Equal(), arms)  # the smallest has 8 x 10 = 80: 3 rows of 25, 2 of 40
    totals = dict(s.rows.group_by("arm").agg(pl.col("realised_tokens").sum()).iter_rows())
    assert totals == {"1": 80, "2": 75, "3": 80}
    questions = {arm: set(s.rows.filter(pl.col("arm") == arm)["question_key"]) for arm in "123"}
    assert questions["3"] < questions["2"] < questions["1"]  # nested: one order for all
    assert reasons(s) == {"beyond equal realised_tokens": 5 + 6}


def test_equal_rows() -> None:
    s = chosen(("a", 1, 9), ("b", 1, 9), ("c", 1, 9), ("a", 2, 1))
    arms = select.name_arms(s)
    select.split(s, None)
    select.equalise(s, Equal(what="rows"), arms)
    assert s.rows.group_by("arm").len().sort("arm").rows() == [("1", 1), ("2", 1)]


def test_a_providers_count_that_is_not_there_is_said() -> None:
    s = chosen(("a", 1, 9), ("a", 2, 9))
    arms = select.name_arms(s)
    select.split(s, None)
    select.equalise(s, Equal(counter="completion_tokens"), arms)
    assert reasons(s) == {"no completion_tokens": 2}


# Mixtures


def mixed(s: Selection, rule: Mix, *, disjoint: bool) -> dict[str, list[str]]:
    arms = select.name_arms(s)
    if disjoint:
        select.common_block(s, arms)
    select.split(s, None)
    select.mix(s, rule, disjoint=disjoint)
    return {p: s.rows.filter(pl.col("part") == p)["question_key"].to_list() for p in rule.shares}


def test_a_mix_of_the_common_block_gives_each_question_to_one_part() -> None:
    s = chosen(*((f"q{i:02}", level, 1) for i in range(20) for level in (1, 6)), ("only", 1, 1))
    parts = mixed(s, Mix(by="level", shares={"6": 1, "1": 4}), disjoint=True)
    assert (len(parts["6"]), len(parts["1"])) == (4, 16)
    assert set(parts["6"]).isdisjoint(parts["1"])
    assert reasons(s) == {"beyond its share of the mix": 20, "not in the common block": 1}


def test_a_mix_without_a_common_block_is_as_large_as_the_scarcest_part_allows() -> None:
    s = chosen(*((f"q{i:02}", 1, 1) for i in range(20)), ("q00", 6, 1), ("q01", 6, 1), ("q02", 6, 1))
    parts = mixed(s, Mix(by="level", shares={"6": 1, "1": 4}), disjoint=False)
    assert (len(parts["6"]), len(parts["1"])) == (3, 14)  # 17 questions: 3.4 and 13.6


def test_a_mix_by_length_takes_each_questions_longest_and_shortest() -> None:
    s = chosen(*((f"q{i}", level, 10 * level) for i in range(5) for level in (1, 2, 3)), ("same", 1, 4), ("same", 2, 4))
    parts = mixed(s, Mix(by="length", shares={"long": 1, "short": 4}), disjoint=False)
    assert (len(parts["long"]), len(parts["short"])) == (1, 5)  # of 5 questions each
    assert set(s.rows.filter(pl.col("part") == "long")["level"]) == {3}
    assert set(s.rows.filter(pl.col("part") == "short")["level"]) == {1}
    assert reasons(s)["neither longest nor shortest"] == 5
    assert reasons(s)["only one length of this question"] == 2


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nothing left of part '5'; there is: 1, 2"):
        mixed(chosen(("a", 1, 1), ("a", 2, 1)), Mix(by="level", shares={"5": 1, "1": 1}), disjoint=False)


def test_quotas_add_up() -> None:
    assert quotas(10, [1, 4]) == [2, 8]
    assert quotas(7, [1, 1, 1]) == [3, 2, 2]
    assert quotas(0, [1, 2]) == [0, 0]


def test_what_is_drawn_is_fixed_for_good() -> None:
    """Seeds name corpora that people publish: these numbers may never change."""
    assert drawn(0, "equal", ["q1", "q2"]) == DRAWN


DRAWN = [7728224006521304851, 6803882247701592402]
