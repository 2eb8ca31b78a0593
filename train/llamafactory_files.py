"""What LLaMA-Factory needs for runs on a machine that has it, written here: `train --trainer llamafactory --write
DIR`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..store.corpora import Corpus
from ..tasks import templates
from . import llamafactory, students
from .trl_trainer import Pair
from .wanted import Order


def write_all(
    orders: Sequence[Order], corpora: Sequence[Corpus], folder: Path, cards: Sequence[str]
) -> list[llamafactory.Written]:
    """A folder for every order, corpus and seed, with the YAML, the data set and, for several cards, DeepSpeed's
    settings; no card named: for one, that machine's first. bfloat16 unless the profile says float32. ConfigError: a
    profile LLaMA-Factory cannot follow.

    A student from the hub is named by its hub id, so that the other machine fetches it; its tokenizer is needed here.
    """
    done = []
    for order in orders:
        student, profile = order.student, order.profile
        llamafactory.check(profile, len(cards))
        local = students.locate(student)
        name = student.template if profile.template == "auto" else profile.template
        template = templates.resolve(name, students.load_tokenizer(local))
        for corpus in corpora:
            pairs: dict[str, list[Pair]] = {"train": [], "validation": []}
            for row in corpus.rows:
                pairs[row.split].append(Pair(row.prompt, row.completion))
            for seed in order.seeds:
                place = (folder / f"{student.name}_{corpus.name}_seed-{seed}").resolve()
                base = Path(student.hub_id) if student.path is None and student.hub_id else local.resolve()
                written = llamafactory.write(
                    place, pairs, template, profile,
                    base=base, seed=seed, cards=cards or [llamafactory.FIRST_CARD],
                    bf16=profile.dtype != "float32", gpu=True,
                )  # fmt: skip
                done.append(replace(written, command=("llamafactory-cli", "train", str(written.config))))
    return done
