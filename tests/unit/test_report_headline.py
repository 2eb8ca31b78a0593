"""The report's answer in words where seeds are few, and panels of corpora that were chosen in different ways."""

import json
import random
import re
from typing import Any

from cotdistill.analysis.headline import headlines
from cotdistill.analysis.levels import groups
from cotdistill.analysis.points import panels

N = 200


def run(level: int | None, format: str, seed: int | None, share: float, rng: random.Random) -> dict[str, Any]:
    """A row of levels.sql: one run (seed None: the untouched base) that gets a share of the questions right."""
    taught = seed is not None
    row: dict[str, Any] = {"student": "tiny", "base_hash": "b", "dataset": "arith", "split": "test", "engine": "e"}
    row |= {"decoder": '{"mode": "greedy"}', "dtype": "float32", "template": "plain", "trainer": "trl", "profile": "{}"}
    row |= {"run_key": f"{level}{format}{seed}" if taught else None, "teacher": "strong" if taught else None}
    row |= {"level": level, "format": format if taught else None, "gold_visible": "no", "prompt_version": "test"}
    row |= {"trained_on": "arith" if taught else None, "corpus_hash": f"{level}{format}" if taught else None}
    row |= {"cell_key": "c" if taught else None, "corpus_name": None, "corpus_created_at": "2026", "seed": seed}
    row |= {"n_rows": 40, "manifest": json.dumps({"rule": "judged correct", "left_out": {}})}
    right = [float(rng.random() < share) for _ in range(N)]
    return row | {"question_keys": [f"q{i:03}" for i in range(N)], "shares": right}


def test_runs_that_surely_worked_are_said_to_where_seeds_are_too_few() -> None:
    """Seeds of 50, 70 and 90 %: too unlike for a word about the next seed, and each far over the base's 2 %."""
    rng = random.Random(1)
    rows = [run(3, "original", seed, 0.3 + 0.2 * seed, rng) for seed in (1, 2, 3)]
    rows += [run(level, "original", seed, 0.1, rng) for level in (1, 5) for seed in (1, 2, 3)]
    rows.append(run(None, "original", None, 0.02, rng))
    (told,) = headlines(groups(rows), [])
    assert told.verdict == "Level 3 of strong scored highest; its runs worked, whether other seeds would cannot be told"
    assert not told.sure
    (gain,) = [s for s in told.sentences if "the untouched base" in s]
    assert "cannot tell. Its runs are better on these questions" in gain and "p <0.001 for all contrasts" in gain
    assert re.search(r"to say so of the supervision would take \d+ seeds\.", gain)


def test_runs_that_are_like_the_base_are_not_said_to_work() -> None:
    rng = random.Random(2)
    rows = [run(level, "original", seed, 0.3, rng) for level in (1, 3) for seed in (1, 2, 3)]
    rows.append(run(None, "original", None, 0.3, rng))
    (told,) = headlines(groups(rows), [])
    assert told.verdict.endswith("whether it worked cannot be told")
    assert not any("Its runs are better" in s for s in told.sentences)


def test_corpora_of_another_size_have_a_panel_of_their_own() -> None:
    common = {"student": "tiny", "dataset": "arith", "split": "test", "engine": "e", "decoder": "{}", "cell_key": "c"}
    taught = common | {"teacher": "strong", "format": "original", "trained_on": "arith", "gold_visible": "no"}
    base = common | {"teacher": None, "format": None, "trained_on": None, "level": None, "chosen": None}
    whole, cut = ([taught | {"level": level, "chosen": kind} for level in (1, 3)] for kind in (None, "600 rows"))
    found = panels([base, *whole, *cut])
    assert list(found.values()) == [[base, *whole], [base, *cut]]
    assert [title.partition(";")[0] for title in found] == [
        "tiny on arith, test split, all rows",
        "tiny on arith, test split, 600 rows",
    ]
    assert list(panels([base, *cut]).values()) == [[base, *cut]]
