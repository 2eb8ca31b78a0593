"""Corpora hold what they promise for any rows: equal size within a row, a common block, shares, chains."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cotdistill.store import corpus_select as select
from cotdistill.store.corpus_controls import filler
from cotdistill.store.corpus_rows import Selection, quotas
from cotdistill.store.corpus_rules import Chains, Equal, Mix, Relevel, Validation
from cotdistill.store.decontaminate import Thresholds, contaminated
from cotdistill.tasks.realised import count_tokens

ROWS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 4), st.integers(0, 3), st.integers(0, 90)),
    min_size=1,
    max_size=120,
    unique_by=lambda row: row[:3],
)


def selection(rows: list[tuple[int, int, int, int]]) -> Selection:
    """Rows of (question, level, sample, tokens)."""
    frame = pl.DataFrame(
        {
            "cell_key": [f"c{level}" for _, level, _, _ in rows],
            "question_key": [f"q{q:02}" for q, _, _, _ in rows],
            "sample_index": [sample for _, _, sample, _ in rows],
            "reply_key": [f"{q}.{level}.{sample}" for q, level, sample, _ in rows],
            "realised_tokens": [tokens for *_, tokens in rows],
            "level": [level for _, level, _, _ in rows],
        },
        schema_overrides={"level": pl.Int32},
    ).with_columns(
        rationale_key="reply_key", dataset=pl.lit("d"), teacher=pl.lit("t"), format=pl.lit("original"),
        gold_visible=pl.lit("no"), prompt_version=pl.lit("1"), realised_steps=pl.lit(1),
    )  # fmt: skip
    return Selection(frame.sort("question_key", "sample_index", "reply_key", "cell_key"))


def no_texts(keys: object) -> dict[str, str]:
    raise AssertionError("nothing here reads a text")


@given(ROWS, st.integers(0, 5), st.booleans(), st.floats(0, 0.6, allow_subnormal=False))
def test_equal_tokens_are_within_one_row_of_each_other(
    rows: list[tuple[int, int, int, int]], seed: int, common: bool, share: float
) -> None:
    s = selection(rows)
    arms = select.name_arms(s)
    if common:
        select.common_block(s, arms)
    select.split(s, Validation(share=share, seed=seed))
    before = s.rows
    select.equalise(s, Equal(seed=seed), arms)
    for name in ("train", "validation"):
        totals, next_rows = [], []
        for arm in arms:
            mine = pl.col("arm").eq_missing(pl.lit(arm)) & (pl.col("split") == name)
            totals.append(s.rows.filter(mine)["realised_tokens"].sum())
            lost = before.filter(mine).join(s.rows, on=["cell_key", "reply_key"], how="anti")
            next_rows.append(lost["realised_tokens"].max() or 0)
        # No arm is above the smallest as it was, and each misses it by less than one of the rows it lost.
        smallest = min(
            before.filter(pl.col("arm").eq_missing(pl.lit(a)) & (pl.col("split") == name))["realised_tokens"].sum()
            for a in arms
        )
        for total, lost_row in zip(totals, next_rows, strict=True):
            assert total <= smallest
            assert smallest - total < max(1, lost_row) or total == smallest


@given(ROWS)
def test_a_common_block_is_common_and_loses_nothing_else(rows: list[tuple[int, int, int, int]]) -> None:
    s = selection(rows)
    arms = select.name_arms(s)
    select.common_block(s, arms)
    of = {arm: {f"q{q:02}" for q, level, _, _ in rows if str(level) == arm or arm is None} for arm in arms}
    wanted = set.intersection(*of.values())
    for arm in arms:
        assert set(s.rows.filter(pl.col("arm").eq_missing(pl.lit(arm)))["question_key"]) == wanted
    assert s.rows.height + s.all_left_out().height == len(rows)


@given(ROWS, st.integers(1, 3), st.sampled_from(["first", "longest", "shortest", "random"]))
def test_no_question_has_more_chains_than_it_may(rows: list[tuple[int, int, int, int]], k: int, by: str) -> None:
    s = selection(rows)
    select.name_arms(s)
    before = s.rows.group_by("arm", "question_key").len()
    select.chains(s, Chains.model_validate({"k": k, "by": by}), no_texts)
    after = {(a, q): n for a, q, n in s.rows.group_by("arm", "question_key").len().iter_rows()}
    assert all(after[a, q] == min(k, n) for a, q, n in before.iter_rows())


@given(ROWS)
def test_reassigned_levels_never_get_shorter_within_a_question(rows: list[tuple[int, int, int, int]]) -> None:
    s = selection(rows)
    select.relevel(s, Relevel())
    for _, group in s.rows.group_by("question_key"):
        tokens = group.sort("level", "realised_tokens")["realised_tokens"]
        assert tokens.is_sorted()
    assert s.rows["level"].min() == 1


@settings(max_examples=60)
@given(ROWS, st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.booleans())
def test_a_mix_keeps_its_shares_within_a_question(
    rows: list[tuple[int, int, int, int]], a: int, b: int, seed: int, disjoint: bool
) -> None:
    s = selection(rows)
    arms = select.name_arms(s)
    if {r[1] for r in rows} < {1, 2} or not {1, 2} <= {r[1] for r in rows}:
        return
    if disjoint:
        select.common_block(s, arms)
    if not s.rows.height:
        return
    select.split(s, None)
    select.mix(s, Mix(by="level", shares={"1": a, "2": b}, seed=seed), disjoint=disjoint)
    n = {p: s.rows.filter(pl.col("part") == p)["question_key"].n_unique() for p in ("1", "2")}
    total = n["1"] + n["2"]
    assert abs(n["1"] - total * a / (a + b)) < 1
    if disjoint:
        assert s.rows["question_key"].n_unique() == total


@given(st.integers(0, 500), st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_quotas_add_up_and_miss_no_share_by_one(n: int, shares: list[float]) -> None:
    parts = quotas(n, shares)
    assert sum(parts) == n
    assert all(abs(p - n * w / sum(shares)) < 1 + 1e-9 for p, w in zip(parts, shares, strict=True))


@given(st.integers(0, 400), st.text())
def test_filler_is_as_long_as_asked_within_a_token(n: int, seed: str) -> None:
    assert 0 <= n - count_tokens(" ".join(filler(n, seed))) <= 1


WORDS = st.lists(
    st.sampled_from(["tom", "has", "3", "apples", "and", "5", "pears", "how", "many", "are", "left"]), max_size=14
).map(" ".join)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_decontamination_is_total_and_finds_what_is_held_out(train: list[str], held_out: list[str]) -> None:
    limits = Thresholds(n=4, ngram_overlap=0.6, template_overlap=0.8, numbers_min=2, numbers_words=0.5)
    found = list(contaminated(train, held_out, limits))
    assert [hit.train for hit in found] == sorted({hit.train for hit in found})
    assert all(0 < hit.similarity <= 1 for hit in found)
    same = {i for i, text in enumerate(train) if text and text in held_out}
    assert same <= {hit.train for hit in found}
