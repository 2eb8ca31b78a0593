"""`cotdistill train`: fine-tune a student on every chosen cell, with every seed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
    LOSS,
    AnyVerdictOption,
    Bar,
    DatasetsOption,
    FormatsOption,
    JsonOption,
    LevelsOption,
    RationaleOption,
    StoreOption,
    TeachersOption,
    numbers,
    open_store,
    print_json,
    print_note,
    print_rows,
    say,
    settle,
    words,
)
from .store_verbs import left_out_words
from .train_plan import show_plan, show_preflight

if TYPE_CHECKING:
    from ..store.cells import Cell
    from ..store.corpora import Corpus, RationaleKind
    from ..store.store import Store
    from ..train.run import RunResult
    from ..train.wanted import Order
    from ..train.watch import TrainProgress


def train(
    student: Annotated[
        str | None,
        typer.Option(
            help="Known students, Hugging Face directories or hub ids, comma-separated. Without it: every student that "
            "the store has runs of, as its newest run was trained; else tiny."
        ),
    ] = None,
    dataset: DatasetsOption = None,
    teacher: TeachersOption = None,
    level: LevelsOption = None,
    format: FormatsOption = None,
    corpus: Annotated[
        str | None, typer.Option(help="Named corpora or families, comma-separated, instead of cells (corpus create).")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="At most so many questions per corpus, the same for all.")
    ] = None,
    any_verdict: AnyVerdictOption = False,
    rationale: RationaleOption = "visible",
    seeds: Annotated[
        str | None, typer.Option(help="Seeds: 1, or 1,2,3, or 1-5. Without it: those of the store's runs, else 1.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="paper, fast, laptop, or a TOML file; default: the student's.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="full or lora, instead of the profile's.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Instead of the profile's.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many steps.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate, instead of the profile's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Instead of the profile's.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=8, help="Longest pair, instead of the profile's.")] = None,
    group_by_length: Annotated[
        bool | None,
        typer.Option(
            "--group-by-length/--rows-as-they-come",
            help="Batches of like lengths are faster and cost a little loss; default: the profile's.",
        ),
    ] = None,
    template: Annotated[str | None, typer.Option(help="auto, chat, alpaca, gemma, llama3 or plain.")] = None,
    trainer: Annotated[
        str | None,
        typer.Option(help="trl, unsloth (just setup cpu or cuda) or llamafactory (just setup llamafactory)."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Runs side by side, one thread each.")] = 2,
    gpus: Annotated[
        str | None, typer.Option(help="Cards, as 0,1,2,3: one process on each; llamafactory: all for every run.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="llamafactory: write YAML and data sets here, for a machine that has it; train nothing."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show profile and corpora; train nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune students on each chosen cell: rationales judged correct, training split, minus leaks.

    Without flags: every (student, cell, seed) of the store that is missing. --corpus trains on what corpus create chose
    instead. Runs that are finished are not done again; a killed run goes on from its last checkpoint.
    """
    from ..store.cells import select_cells
    from ..train import cards

    settings = {
        "method": method,
        "epochs": epochs,
        "max_steps": max_steps,
        "lr": lr,
        "batch_size": batch_size,
        "max_tokens": max_tokens,
        "group_by_length": group_by_length,
        "template": template,
    }
    chosen_cards = cards.named(gpus) if write else cards.chosen(gpus)
    wanted_seeds = numbers(seeds, "--seeds")
    opened = open_store(store)
    settle(opened)
    orders = make_orders(opened, words(student), profile, settings, wanted_seeds, trainer)
    if corpus is not None:
        chooses = {"dataset": dataset, "teacher": teacher, "level": level, "format": format, "rows": rows}
        corpora = named_corpora(opened, corpus, chooses | {"any-verdict": any_verdict or None})
    else:
        cells = select_cells(
            opened,
            datasets=words(dataset),
            teachers=words(teacher),
            levels=numbers(level, "--level"),
            formats=words(format),
        )
        corpora = make_corpora(opened, cells, rows=rows, any_verdict=any_verdict, rationale=rationale)
    for one in corpora:
        say(f"{one.label}: {len(one.rows):,} rationales; left out: {left_out_words(one.left_out)}")
    if dry_run:
        show_plan(opened, orders, corpora, as_json=as_json)
        return
    if write:
        write_files(orders, corpora, write, chosen_cards, as_json=as_json)
        return
    results = run_all(opened, orders, corpora, processes=processes, cards=chosen_cards)
    show_runs(results, as_json=as_json)
    say("Next: cotdistill evaluate")
    if any(r.status in ("failed", "interrupted") for r in results):
        raise typer.Exit(1)


def make_corpora(
    store: "Store",
    cells: Sequence["Cell"],
    *,
    rows: int | None,
    any_verdict: bool = False,
    rationale: "RationaleKind" = "visible",
) -> list["Corpus"]:
    """The implicit corpus of each cell. Cells of which nothing can be trained on are said and skipped; ConfigError when
    that is all of them."""
    from ..store.corpora import implicit_corpus

    corpora, reasons = [], []
    for cell in cells:
        try:
            corpora.append(implicit_corpus(store, cell, n_questions=rows, any_verdict=any_verdict, rationale=rationale))
        except ConfigError as error:
            reasons.append(str(error))
    if not corpora:
        raise ConfigError(reasons[0])
    for reason in reasons:
        say(f"skipped: {reason}")
    return corpora


def named_corpora(store: "Store", names: str, chooses: Mapping[str, Any]) -> list["Corpus"]:
    """The named corpora of `--corpus`. ConfigError: an option that chooses rows beside it, or no such corpus."""
    from ..store.corpora import load_corpora

    if beside := [flag for flag, value in chooses.items() if value is not None]:
        raise ConfigError(
            f"--corpus {names} says which rows, and so does --{beside[0]}. Next: corpus create with the rows you want"
        )
    return load_corpora(store, words(names) or [])


def make_orders(
    store: "Store",
    named: Sequence[str] | None,
    profile: str | None,
    settings: Mapping[str, Any],
    seeds: Sequence[int] | None,
    trainer: str | None,
) -> list["Order"]:
    """What is to be trained: the students named, or every student of the store's runs as its newest run was (tiny,
    where there is none), with what the flags say instead. Of the store's students those that are not to be had any more
    are said and skipped. ConfigError: unknown student, profile or setting, or none of the store's is left."""
    from dataclasses import replace

    from ..train import profiles
    from ..train.students import resolve_student
    from ..train.wanted import Order, orders_of

    known = [] if named else orders_of(store, lambda reason: say(f"skipped: {reason}"))
    if named is None and known and profile is None:
        chosen = [replace(order, profile=profiles.changed(order.profile, settings)) for order in known]
    else:
        students = [resolve_student(name) for name in named] if named else [o.student for o in known]
        students = students or [resolve_student("tiny")]
        seeds_of = {order.student.name: order.seeds for order in known} if named is None else {}
        chosen = [Order(s, profiles.load(profile or s.profile, settings), seeds_of.get(s.name, [1])) for s in students]
    given: dict[str, Any] = {name: value for name, value in (("seeds", seeds), ("trainer", trainer)) if value}
    return [replace(order, **given) for order in chosen]


def write_files(
    orders: Sequence["Order"], corpora: Sequence["Corpus"], folder: Path, cards: Sequence[str], *, as_json: bool
) -> None:
    """LLaMA-Factory's files for all runs, and the command of each."""
    from ..train.llamafactory_files import write_all

    if other := [o.trainer for o in orders if o.trainer != "llamafactory"]:
        raise ConfigError(f"--write is for trainer llamafactory, not {other[0]}. Next: --trainer llamafactory")
    written = write_all(orders, corpora, folder, cards)
    rows = [(" ".join([*(f"{k}={v}" for k, v in w.environment.items()), *w.command]),) for w in written]
    print_rows(("command",), rows, as_json=as_json)


def run_all(
    store: "Store",
    orders: Sequence["Order"],
    corpora: Sequence["Corpus"],
    *,
    processes: int = 2,
    cards: Sequence[str] = (),
) -> list["RunResult"]:
    """Every order on every corpus, with a bar over all their steps."""
    from ..store.jobs import record_job
    from ..store.status import duration
    from ..train.run import train_all
    from .progress import Ahead

    n_runs = len(corpora) * sum(len(order.seeds) for order in orders)
    configuration = [
        {"student": o.student.name, "profile": o.profile.model_dump(mode="json"), "seeds": list(o.seeds)}
        | {"trainer": o.trainer}
        for o in orders
    ]
    record_job(store, "train", {"orders": configuration, "gpus": list(cards)})
    names = ", ".join(dict.fromkeys(order.student.name for order in orders))
    with Bar(f"training {names}") as bar:
        ahead = Ahead()
        looked_at: set[int] = set()

        def show(now: "TrainProgress") -> None:
            if now.event == "started" and now.detail:
                for reason in now.detail.get("passed_over", ()):
                    say(f"{now.label}: not resumed from {reason}")
                if now.detail["resumed_from_step"]:
                    say(f"{now.label}: goes on from step {now.detail['resumed_from_step']}")
            elif now.event == "preflight" and now.detail:
                show_preflight(now.label, now.detail, first=not looked_at)
                looked_at.add(now.run)
            elif now.event == "step":
                ahead.saw(now.run, now.step / max(1, now.n_steps))
            elif now.event in ("finished", "failed", "interrupted"):
                ahead.saw(now.run, 1.0)
                if now.error:
                    say(f"{now.label}: {now.event}: {now.error}")
            loss = f"loss {now.loss:.3f} " if now.loss is not None else ""
            speed = f"{now.tokens_per_s:,.0f} tokens/s " if now.tokens_per_s else ""
            left = ahead.left_s(now.n_runs)
            eta = f"{duration(left)} to go" if left is not None and now.n_done < now.n_runs else ""
            bar.update(round(100 * ahead.done), 100 * now.n_runs, f"run {now.n_done}/{now.n_runs} {loss}{speed}{eta}")

        return train_all(store, orders, corpora, processes=min(processes, n_runs), cards=cards, progress=show)


def show_runs(results: Sequence["RunResult"], *, as_json: bool) -> None:
    """What became of each run."""
    if as_json:
        from dataclasses import asdict

        print_json([asdict(r) for r in results])
        return
    rows = [
        (
            r.student,
            r.corpus,
            r.seed,
            r.status,
            r.detail.get("steps"),
            r.detail.get("final_loss"),
            r.detail.get("seconds"),
        )
        for r in results
    ]
    columns = ["student", "corpus", "seed", "status", "steps", "loss", "seconds"]
    if len({row[0] for row in rows}) == 1:
        print_rows(columns[1:], [row[1:] for row in rows], as_json=False)
    else:
        print_rows(columns, rows, as_json=False)
    print_note(LOSS)
    folders = {r.output_dir.parent for r in results}
    say(f"weights: {', '.join(map(str, folders))}")
