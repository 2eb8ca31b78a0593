"""What the paper's file names say: (data set, teacher, level, format), read in spite of the naming.

The names mix `ChatGPT`/`chatgpt`, `level1`/`level_1`, `stqa`/`strategyQA`, `obqa`/`openbookQA`, `auqa`/`aqua`, and the
format keys (`svamp_gemma_sym`) name the student instead of the level, which then stands in the file name.

Decisions. Answers without reasoning: teacher "gold" (they are the gold answers, nobody was asked), format answer-only,
no level. A level file without a format mark: format original. Human annotations: neither level nor format, nobody asked
for one. A format key that names no teacher: gpt-4o, as its file name says. Whether the gold answer was shown is known
for no listed file: "unknown".
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import ConfigError
from ..tasks import keys
from ..tasks.values import Recipe

PROMPT_VERSION = "paper"
ANSWER_ONLY_TEACHER = "gold"


@dataclass(frozen=True, slots=True)
class PaperCell:
    """The cell a released file belongs to."""

    dataset: str
    teacher: str
    recipe: Recipe

    @property
    def key(self) -> str:
        """Its cell_key."""
        r = self.recipe
        return keys.cell_key(self.dataset, self.teacher, r.level, r.format, r.gold_visible, r.prompt_version)


@dataclass(frozen=True, slots=True)
class Names:
    """The shipped tables: word -> data set, teacher, format; and the files that are not listed."""

    datasets: Mapping[str, str]
    teachers: Mapping[str, str]
    formats: Mapping[str, str]
    unlisted: Mapping[str, PaperCell]


@cache
def shipped() -> Names:
    """The tables of paper_files.toml."""
    table = tomllib.loads(Path(__file__).with_name("paper_files.toml").read_text(encoding="utf-8"))
    unlisted = {
        entry["file"]: PaperCell(
            entry["dataset"],
            entry["teacher"],
            Recipe(entry.get("level"), entry.get("format"), entry["gold_visible"], entry["prompt_version"]),
        )
        for entry in table["unlisted"]
    }
    return Names(table["datasets"], table["teachers"], table["formats"], unlisted)


def recognise(listed_key: str, file: str) -> PaperCell:
    """The cell of a listed file. ConfigError where its key and file name do not say data set and teacher."""
    names = shipped()
    key, stem = listed_key.lower(), file.lower().removesuffix(".json")
    words = [*re.split(r"[_\W]+", key), *_words(stem)]
    dataset = next((names.datasets[word] for word in words if word in names.datasets), None)
    level_mark = re.search(r"level_?(\d)", key) or re.search(r"level_?(\d)", stem)
    level = int(level_mark.group(1)) if level_mark else None
    format = next((names.formats[word] for word in words if word in names.formats), None)
    teacher = next((names.teachers[word] for word in words if word in names.teachers), None)
    if "onlyans" in key or "only_ans" in key:
        teacher, level, format = ANSWER_ONLY_TEACHER, None, "answer-only"
    elif format is None and level is not None:
        format = "original"
    if dataset is None or teacher is None:
        missing = "data set" if dataset is None else "teacher"
        raise ConfigError(
            f"dataset_info.json lists {listed_key!r} ({file}), whose names tell no {missing}. "
            f"Next: import it with `cotdistill import rationales`"
        )
    return PaperCell(dataset, teacher, Recipe(level, format, "unknown", PROMPT_VERSION))


def _words(stem: str) -> list[str]:
    """ "0_svamp_chatgpt_level3bsm" -> [..., "level", "bsm"]: digits separate words too."""
    return re.findall(r"gsm8k|[a-z]+", stem)
