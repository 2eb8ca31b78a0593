"""The rules that choose a row by its place beside others: levels, chains, the common block, mixtures, equal size.

Each takes a Selection (corpus_rows.py) and changes it; none reads a text but `chains` for most-diverse, which is handed
a reader. All are functions of the rows and the rules alone: ties fall to the order of a corpus.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from ..errors import ConfigError
from .corpus_rows import ORDER, Selection, quotas, with_drawn
from .corpus_rules import Chains, Equal, Mix, Relevel, Validation

Texts = Callable[[Sequence[str]], Mapping[str, str]]  # rationale keys -> their texts
SERIES = ("dataset", "teacher", "format", "gold_visible", "prompt_version")
AXES = ("dataset", "teacher", "level", "format", "gold_visible", "prompt_version")


def relevel(chosen: Selection, rule: Relevel) -> None:
    """Replace `level` by the row's place among its question's rows of the same series (rules.Relevel).

    Ties fall to the requested level, then to the order of a corpus. Rows without a level (answer-only) are left out.
    """
    chosen.keep(pl.col("level").is_not_null(), "without a level to reassign")
    rows, group = chosen.rows, [*SERIES, "question_key"]
    if rule.levels is None:
        per_series = rows.group_by(SERIES).agg(pl.col("cell_key").n_unique().alias("n_levels"))
        rows = rows.join(per_series, on=SERIES, how="left", maintain_order="left", nulls_equal=True)
    else:
        rows = rows.with_columns(n_levels=pl.lit(rule.levels))
    ranked = rows.sort(*group, rule.by, "level", *ORDER, nulls_last=True).with_columns(
        rank=pl.int_range(pl.len()).over(group), m=pl.len().over(group)
    )
    chosen.rows = (
        ranked.with_columns(level=(1 + pl.col("rank") * pl.col("n_levels") // pl.col("m")).cast(pl.Int32))
        .drop("rank", "m", "n_levels")
        .sort(*ORDER)
    )


def name_arms(chosen: Selection) -> list[str | None]:
    """Give every row its arm, the corpus it may go to, named by the axes that differ; returns the arms in order.

    A single arm has no name (None). A format names an arm only where its level does not (answer-only), unless formats
    differ among arms that have a level.
    """
    rows = chosen.rows
    axes = rows.select(AXES).unique().sort(AXES, nulls_last=False)
    varying = [axis for axis in AXES if axes[axis].n_unique() > 1]
    if not varying:
        chosen.rows = rows.with_columns(arm=pl.lit(None, pl.String))
        return [None]
    with_level = axes.filter(pl.col("level").is_not_null())
    one_format = with_level.height > 1 and with_level["format"].n_unique() == 1
    names: list[str | None] = []
    for row in axes.iter_rows(named=True):
        shown = [a for a in varying if row[a] is not None and not (a == "format" and row["level"] and one_format)]
        names.append("-".join(_word(row[axis]) for axis in shown) or "unknown")
    if len(set(names)) < len(names):
        names = ["-".join(_word(row[axis]) for axis in varying) for row in axes.iter_rows(named=True)]
    arms = axes.with_columns(arm=pl.Series(names, dtype=pl.String))
    chosen.rows = rows.join(arms, on=AXES, how="left", maintain_order="left", nulls_equal=True)
    return names


def _word(value: object) -> str:
    return "none" if value is None else str(value).replace("/", "-").replace(" ", "-")


def chains(chosen: Selection, rule: Chains, texts: Texts) -> None:
    """At most k rows of one question in one arm."""
    group, rows = ["arm", "question_key"], chosen.rows
    if rule.by == "most-diverse":
        places = _most_diverse(rows, rule.k, texts)
    elif rule.by == "random":
        places = with_drawn(rows, rule.seed, "chains", on="reply_key").sort(*group, "drawn", *ORDER)
    elif rule.by == "first":
        places = rows.sort(*group, *ORDER)
    else:
        places = rows.sort(
            *group, "realised_tokens", *ORDER, descending=[False, False, rule.by == "longest", *[False] * len(ORDER)]
        )
    placed = places.with_columns(place=pl.int_range(pl.len()).over(group)).select("cell_key", "reply_key", "place")
    chosen.rows = rows.join(placed, on=["cell_key", "reply_key"], how="left", maintain_order="left")
    chosen.keep(pl.col("place") < rule.k, f"beyond {rule.k} a question ({rule.by})")
    chosen.rows = chosen.rows.drop("place")


def _most_diverse(rows: pl.DataFrame, k: int, texts: Texts) -> pl.DataFrame:
    """Rows in the order in which each arm's question takes them: the first, then always the least similar to those."""
    rows = rows.sort("arm", "question_key", *ORDER).with_row_index("n")
    order: list[int] = []
    many = rows.filter(pl.len().over("arm", "question_key") > k)
    known = texts(many["rationale_key"].to_list())
    for group in (
        rows.group_by(["arm", "question_key"], maintain_order=True).agg("n", "rationale_key").iter_rows(named=True)
    ):
        left: list[int] = group["n"]
        if len(left) <= k:
            order += left
            continue
        words = {n: set(known[key].casefold().split()) for n, key in zip(left, group["rationale_key"], strict=True)}
        taken = [left[0]]
        nearest = {n: _likeness(words[n], words[left[0]]) for n in left[1:]}
        while nearest:
            following = min(nearest, key=lambda n: (nearest[n], n))
            taken.append(following)
            del nearest[following]
            if len(taken) < k:
                for n in nearest:
                    nearest[n] = max(nearest[n], _likeness(words[n], words[following]))
        order += taken
    return rows[order]


def _likeness(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


def common_block(chosen: Selection, arms: Sequence[str | None]) -> None:
    """Only questions that every arm of their data set has; the detail names the arms that lack one.

    ConfigError: an arm has nothing left, so that no question is common.
    """
    rows = chosen.rows
    if gone := sorted(str(arm) for arm in set(arms) - set(rows["arm"])):
        raise ConfigError(f"no common block: {', '.join(gone)} has no row left. Next: choose other cells or rules")
    of_dataset = rows.select("dataset", "arm").unique()
    having = rows.select("dataset", "arm", "question_key").unique()
    wanted = rows.select("dataset", "question_key").unique().join(of_dataset, on="dataset")
    lacking = (
        wanted.join(having, on=["dataset", "arm", "question_key"], how="anti", nulls_equal=True)
        .group_by("question_key")
        .agg(detail=pl.lit("not in ") + pl.col("arm").sort().str.join(", "))
        .with_columns(rule=pl.lit("not in the common block"))
    )
    chosen.keep_unless(lacking, "question_key")


def first_questions(chosen: Selection, n: int) -> None:
    """The first n questions of each data set in the order of their keys, which is random."""
    places = (
        chosen.rows.select("dataset", "question_key").unique().sort("dataset", "question_key")
        .with_columns(place=pl.int_range(pl.len()).over("dataset"))
        .select("question_key", "place")
    )  # fmt: skip
    chosen.rows = chosen.rows.join(places, on="question_key", how="left", maintain_order="left")
    chosen.keep(pl.col("place") < n, f"beyond {n} questions")
    chosen.rows = chosen.rows.drop("place")


def split(chosen: Selection, rule: Validation | None) -> None:
    """Give every row its split, by question: a question's number decides, whatever other questions there are."""
    if rule is None:
        chosen.rows = chosen.rows.with_columns(split=pl.lit("train"))
        return
    rows = with_drawn(chosen.rows, rule.seed, "validation")
    limit = int(rule.share * 2**63)
    chosen.rows = rows.with_columns(
        split=pl.when(pl.col("drawn") < limit).then(pl.lit("validation")).otherwise(pl.lit("train"))
    ).drop("drawn")


def mix(chosen: Selection, rule: Mix, *, disjoint: bool) -> None:
    """Give each question to a part by the shares, split by split; rows of other parts are left out."""
    if rule.by == "length":
        _long_and_short(chosen)
    else:
        chosen.rows = chosen.rows.with_columns(part=pl.col(rule.by).cast(pl.String))
    there = set(chosen.rows["part"].drop_nulls())
    if missing := sorted(set(rule.shares) - there):
        raise ConfigError(
            f"mix by {rule.by}: nothing left of part {missing[0]!r}; there is: {', '.join(sorted(there)) or 'none'}. "
            f"Next: name parts that the cells have"
        )
    chosen.keep(pl.col("part").is_in(list(rule.shares)), "no share in the mix")
    names = list(rule.shares)
    if disjoint:  # parts cover the same questions from here on
        has_all = pl.col("part").n_unique().over("question_key") == len(names)
        chosen.keep(has_all, "not in all parts of the mix")
    rows = with_drawn(chosen.rows, rule.seed, "mix")
    picked = []
    for name in sorted(set(rows["split"])):
        here = rows.filter(pl.col("split") == name)
        having = [
            here.filter(pl.col("part") == p).select("question_key", "drawn").unique().sort("drawn", "question_key")
            for p in names
        ]
        if disjoint:
            sizes = quotas(having[0].height, rule.shares.values())
            starts = [sum(sizes[:i]) for i in range(len(sizes))]
        else:
            sizes, starts = _largest([h.height for h in having], list(rule.shares.values())), [0] * len(names)
        picked += [
            h.slice(start, size).select("question_key", part=pl.lit(p))
            for h, p, start, size in zip(having, names, starts, sizes, strict=True)
        ]
    given = pl.concat(picked).with_columns(given=pl.lit(True))
    chosen.rows = chosen.rows.join(given, on=["question_key", "part"], how="left", maintain_order="left")
    chosen.keep(pl.col("given"), "beyond its share of the mix")
    chosen.rows = chosen.rows.drop("given")


def _long_and_short(chosen: Selection) -> None:
    """Each question's longest row is its long part, its shortest its short one; the others are left out."""
    group, tokens = ["dataset", "question_key"], pl.col("realised_tokens")
    differ = tokens.max().over(group) > tokens.min().over(group)
    chosen.keep(differ, "only one length of this question")
    ordered = chosen.rows.sort(*group, "realised_tokens", *ORDER).with_columns(
        place=pl.int_range(pl.len()).over(group), last=pl.len().over(group) - 1
    )
    is_long = pl.when(pl.col("place") == pl.col("last")).then(pl.lit("long"))
    part = pl.when(pl.col("place") == 0).then(pl.lit("short")).otherwise(is_long)
    chosen.rows = ordered.with_columns(part=part).drop("place", "last").sort(*ORDER)
    chosen.keep(pl.col("part").is_not_null(), "neither longest nor shortest")


def _largest(available: Sequence[int], shares: Sequence[float]) -> list[int]:
    """The largest parts in these proportions that there is enough for."""
    low, high = 0, sum(available)
    while low < high:
        middle = (low + high + 1) // 2
        if all(want <= have for want, have in zip(quotas(middle, shares), available, strict=True)):
            low = middle
        else:
            high = middle - 1
    return quotas(low, shares)


def equalise(chosen: Selection, rule: Equal, arms: Sequence[str | None]) -> None:
    """Cut every arm to the size of the smallest, split by split, along one order of questions.

    An arm without a row of a split leaves none of that split to any.
    """
    if rule.what == "tokens":
        chosen.keep(pl.col(rule.counter).is_not_null(), f"no {rule.counter}")
    size = pl.col(rule.counter) if rule.what == "tokens" else pl.lit(1, pl.Int64)
    rows = with_drawn(chosen.rows, rule.seed, "equal").with_columns(size=size.cast(pl.Int64))
    rows = rows.sort("drawn", *ORDER).with_columns(upto=pl.col("size").cum_sum().over("arm", "split"))
    totals = rows.group_by("arm", "split").agg(pl.col("size").sum().alias("total"))
    smallest = pl.when(pl.len() == len(arms)).then(pl.col("total").min()).otherwise(0)
    budgets = totals.group_by("split").agg(budget=smallest)
    chosen.rows = rows.join(budgets, on="split", how="left").sort(*ORDER)
    beyond = "beyond equal rows" if rule.what == "rows" else f"beyond equal {rule.counter}"
    chosen.keep(pl.col("upto") <= pl.col("budget"), beyond)
    chosen.rows = chosen.rows.drop("drawn", "size", "upto", "budget")
