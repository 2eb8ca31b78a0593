"""Makes svamp_train.txt and strategyqa_test.txt: python -m cotdistill.tasks.datasets.split_keys BENCHMARKS PAPER_DATA.

Question keys only, no text. Run again when normalisation or the key recipe changes; a test compares them.
"""

import sys
from pathlib import Path

from ...errors import ConfigError
from ..normalise import normalise
from .reading import read_rows
from .spec import text_of
from .strategyqa import parse as parse_strategyqa
from .svamp import parse as parse_svamp

HERE = Path(__file__).parent


def svamp_train_keys(benchmarks: Path, paper: Path) -> list[str]:
    """Keys of the problems in the paper's answer-only file. ConfigError unless exactly 700 of 1,000 match."""
    bank = [parse_svamp(row, "", "") for _, row in read_rows(benchmarks / "svamp/SVAMP.json")]
    released = {normalise(text_of(row, "instruction")) for _, row in read_rows(paper / "SVAMP_only_ans.json")}
    matched = sorted({question.key for question in bank if normalise(question.text) in released})
    if (len(bank), len(released), len(matched)) != (1000, 700, 700):
        raise ConfigError(f"{len(matched)} of {len(bank)} SVAMP problems match {len(released)} released ones, not 700")
    return matched


def strategyqa_test_keys(benchmarks: Path) -> list[str]:
    """Keys of the paper's 290 test questions."""
    rows = read_rows(benchmarks / "strategyqa/strategyQA_test.json")
    return sorted({parse_strategyqa(row, "test", "").key for _, row in rows})


def main(benchmarks: Path, paper: Path) -> None:
    """Write both lists beside this file."""
    lists = {
        "svamp_train.txt": (
            "SVAMP: question keys of the paper's 700 training problems",
            svamp_train_keys(benchmarks, paper),
        ),
        "strategyqa_test.txt": (
            "StrategyQA: question keys of the paper's 290 test questions",
            strategyqa_test_keys(benchmarks),
        ),
    }
    for name, (title, keys) in lists.items():
        (HERE / name).write_text(f"# {title}; made by split_keys.py\n" + "\n".join(keys) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
