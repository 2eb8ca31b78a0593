"""`train --dry-run`, and the look at a corpus before the first step: what will be learned, memory, time."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .common import print_json, print_note, print_rows, say

if TYPE_CHECKING:
    from ..store.corpora import Corpus
    from ..store.store import Store
    from ..train.profiles import Profile
    from ..train.students import Student


def show_plan(
    store: "Store",
    student: "Student",
    corpora: Sequence["Corpus"],
    seeds: Sequence[int],
    profile: "Profile",
    *,
    as_json: bool,
) -> None:
    """Each corpus as the student's tokenizer sees it, with steps, memory and time of one run; the profile in full."""
    from ..tasks import templates
    from ..train import estimate, students
    from ..train.preflight import look
    from ..train.trl_trainer import Pair, tokenize

    folder = students.locate(student)
    tokenizer = students.load_tokenizer(folder)
    name = student.template if profile.template == "auto" else profile.template
    template = templates.resolve(name, tokenizer)
    shape = estimate.shape_of(folder)
    on_gpu = _has_gpu()
    plans: list[dict[str, Any]] = []
    for corpus in corpora:
        pairs = [Pair(row.prompt, row.completion) for row in corpus.rows if row.split == "train"]
        found = look(*tokenize(pairs, tokenizer, template, profile.max_tokens), tokenizer)
        steps = estimate.n_steps(found.n_rows, profile)
        rows_read = steps * profile.batch_size * profile.accumulate
        tokens_read = found.tokens * rows_read / found.n_rows
        seconds, by = estimate.seconds(store, student.name, shape, profile, tokens_read, on_gpu=on_gpu)
        plans.append(
            {
                "corpus": corpus.name,
                "rows": found.n_rows,
                "steps": steps,
                "supervised_tokens": found.supervised_tokens,
                "tokens": found.tokens,
                "cut": found.n_cut,
                "longest": found.longest,
                "memory_gb": round(estimate.memory_bytes(shape, profile, found.longest) / 1e9, 2),
                "seconds": None if seconds is None else round(seconds),
                "seconds_by": by,
                "corpus_hash": corpus.corpus_hash,
            }
        )
        if not as_json:
            show_preflight(corpus.name, {"samples": found.samples, "warning": found.warning}, first=len(plans) == 1)
    settings = profile.model_dump(mode="json")
    if as_json:
        print_json(
            {
                "student": student.name,
                "template": template.name,
                "profile": settings,
                "seeds": list(seeds),
                "corpora": plans,
            }
        )
        return
    shown = ("corpus", "rows", "steps", "supervised_tokens", "tokens", "cut", "memory_gb", "seconds")
    titles = ("corpus", "rows", "steps", "learned", "tokens", "cut", "GB", "s")
    print_rows(titles, [[plan[c] for c in shown] for plan in plans], as_json=False)
    print_note(
        f"tokens, and those that are learned: one pass, by the tokenizer of {student.name}, template {template.name}"
    )
    print_note(f"GB and s: estimates for one run; seconds by {plans[0]['seconds_by']}")
    known = [plan["seconds"] for plan in plans if plan["seconds"] is not None]
    total = f", {len(seeds) * sum(known):,} seconds one after the other" if len(known) == len(plans) else ""
    print_note(f"{len(plans) * len(seeds)} runs: {len(plans)} corpora x seeds {', '.join(map(str, seeds))}{total}")
    for key, value in settings.items():
        if not (key == "lora" and profile.method == "full"):
            print_note(f"{key} = {value}")


def show_preflight(label: str, found: Mapping[str, Any], *, first: bool) -> None:
    """A warning where rows are cut; for the `first` corpus two rows, what is learned told from what is only read."""
    if first and found["samples"]:
        say(f"{label}: what is learned is {'in colour' if sys.stderr.isatty() else 'between >>> and <<<'}")
        for sample in found["samples"]:
            say("  " + "".join(_stretch(text, supervised) for supervised, text in sample).replace("\n", "\n  "))
    if found["warning"]:
        say(f"{label}: {found['warning']}")


def _stretch(text: str, supervised: bool) -> str:
    if not sys.stderr.isatty():
        return f">>>{text}<<<" if supervised else text
    return f"\x1b[1;32m{text}\x1b[0m" if supervised else f"\x1b[2m{text}\x1b[0m"


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
