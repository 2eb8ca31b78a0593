"""`train --dry-run`, and the look at a corpus before the first step: what will be learned, memory, time."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .common import print_json, print_note, print_rows, say

if TYPE_CHECKING:
    from ..store.corpora import Corpus
    from ..store.store import Store
    from ..train.wanted import Order


def show_plan(store: "Store", orders: Sequence["Order"], corpora: Sequence["Corpus"], *, as_json: bool) -> None:
    """Each corpus as each student's tokenizer sees it, with steps, memory and time of one run; the profiles in full."""
    plans = [_plan(store, order, corpora, show=not as_json and order is orders[0]) for order in orders]
    if as_json:
        print_json(plans if len(plans) > 1 else plans[0])
        return
    for plan in plans:
        _print(plan)


def _plan(store: "Store", order: "Order", corpora: Sequence["Corpus"], *, show: bool) -> dict[str, Any]:
    """What one order would do, as plain values; with `show` two rows of the first corpus are shown."""
    from ..tasks import templates
    from ..train import estimate, students
    from ..train.preflight import look
    from ..train.run import finished
    from ..train.trl_trainer import Pair, tokenize
    from ..train.wanted import wanted_of

    student, profile = order.student, order.profile
    folder = students.locate(student)
    tokenizer = students.load_tokenizer(folder)
    name = student.template if profile.template == "auto" else profile.template
    template = templates.resolve(name, tokenizer)
    shape = estimate.shape_of(folder)
    on_gpu = _has_gpu()
    wanted = wanted_of(order, corpora)
    done = finished(store, [want.key for want in wanted])
    left = Counter(want.corpus.corpus_hash for want in wanted if want.key not in done)
    plans: list[dict[str, Any]] = []
    for corpus in corpora:
        pairs = [Pair(row.prompt, row.completion) for row in corpus.rows if row.split == "train"]
        found = look(*tokenize(pairs, tokenizer, template, profile.max_tokens), tokenizer)
        steps = estimate.n_steps(found.n_rows, profile)
        rows_read = steps * profile.batch_size * profile.accumulate
        passes = rows_read / found.n_rows
        seconds, by = estimate.seconds(
            store,
            student.name,
            shape,
            profile,
            found.tokens * passes,
            found.supervised_tokens * passes,
            on_gpu=on_gpu,
        )
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
                "runs_left": left[corpus.corpus_hash],
            }
        )
        if show or found.warning:
            samples = found.samples if show and len(plans) == 1 else ()
            show_preflight(corpus.name, {"samples": samples, "warning": found.warning}, first=bool(samples))
    return {
        "student": student.name,
        "trainer": order.trainer,
        "template": template.name,
        "profile": profile.model_dump(mode="json"),
        "seeds": list(order.seeds),
        "corpora": plans,
    }


def _print(plan: Mapping[str, Any]) -> None:
    corpora, seeds, profile = plan["corpora"], plan["seeds"], plan["profile"]
    shown = ("corpus", "rows", "steps", "supervised_tokens", "tokens", "cut", "memory_gb", "seconds")
    titles = ("corpus", "rows", "steps", "learned", "tokens", "cut", "GB", "s")
    rows = [[one[c] for c in shown] for one in corpora]
    print_rows(titles, rows, as_json=False, title=f"{plan['student']}, trainer {plan['trainer']}")
    print_note(
        f"tokens, and those that are learned: one pass, by the tokenizer of {plan['student']}, template "
        f"{plan['template']}"
    )
    print_note(f"GB and s: estimates for one run by {plan['trainer']}; seconds by {corpora[0]['seconds_by']}")
    n_runs, n_left = len(corpora) * len(seeds), sum(one["runs_left"] for one in corpora)
    known = [one["runs_left"] * one["seconds"] for one in corpora if one["seconds"] is not None]
    total = f", {sum(known):,} seconds one after the other" if len(known) == len(corpora) else ""
    print_note(
        f"{n_runs} runs: {len(corpora)} corpora x seeds {', '.join(map(str, seeds))}; {n_runs - n_left} are finished, "
        f"{n_left} to train{total if n_left else ''}"
    )
    for key, value in profile.items():
        if not (key == "lora" and profile["method"] == "full"):
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
