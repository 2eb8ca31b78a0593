"""`cotdistill train`: fine-tune a student on every chosen cell, with every seed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError
from .common import (
    DEFAULT_STORE,
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
    from ..train.run import RunResult, TrainProgress


def train(
    student: Annotated[str, typer.Option(help="A known student, a Hugging Face directory, or a hub id.")] = "tiny",
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
    seeds: Annotated[str, typer.Option(help="Seeds: 1, or 1,2,3, or 1-5.")] = "1",
    profile: Annotated[
        str | None, typer.Option(help="paper, fast, laptop, or a TOML file; default: the student's.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="full or lora, instead of the profile's.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Instead of the profile's.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many steps.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate, instead of the profile's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Instead of the profile's.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=8, help="Longest pair, instead of the profile's.")] = None,
    template: Annotated[str | None, typer.Option(help="auto, chat, alpaca, gemma, llama3 or plain.")] = None,
    trainer: Annotated[str, typer.Option(help="trl, or unsloth (just setup cpu or cuda).")] = "trl",
    processes: Annotated[int, typer.Option(min=1, help="Runs side by side, one thread each.")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show profile and corpora; train nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune a student on each chosen cell: rationales judged correct, training split, minus leaks.

    --corpus trains on what corpus create chose instead.
    Runs that are finished are not done again; a killed run goes on from its last checkpoint.
    """
    from ..store.cells import select_cells
    from ..train import profiles
    from ..train.students import resolve_student

    chosen = resolve_student(student)
    settings = {
        "method": method,
        "epochs": epochs,
        "max_steps": max_steps,
        "lr": lr,
        "batch_size": batch_size,
        "max_tokens": max_tokens,
        "template": template,
    }
    resolved = profiles.load(profile or chosen.profile, settings)
    wanted_seeds = numbers(seeds, "--seeds") or [1]
    opened = open_store(store)
    settle(opened)
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
        show_plan(opened, chosen, corpora, wanted_seeds, resolved, as_json=as_json)
        return
    results = run_all(opened, chosen, corpora, wanted_seeds, resolved, trainer=trainer, processes=processes)
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


def run_all(
    store: "Store",
    student: Any,
    corpora: Sequence["Corpus"],
    seeds: Sequence[int],
    profile: Any,
    *,
    trainer: str = "trl",
    processes: int = 2,
) -> list["RunResult"]:
    """Every corpus with every seed, with a bar over all their steps."""
    from ..store.jobs import record_job
    from ..train.run import train_runs

    n_runs = len(corpora) * len(seeds)
    record_job(
        store,
        "train",
        {"student": student.name, "profile": profile.model_dump(mode="json"), "seeds": list(seeds), "trainer": trainer},
    )
    with Bar(f"training {student.name}") as bar:
        shares: dict[int, float] = {}
        looked_at: set[int] = set()

        def show(now: "TrainProgress") -> None:
            if now.event == "started" and now.detail and now.detail["resumed_from_step"]:
                say(f"{now.label}: goes on from step {now.detail['resumed_from_step']}")
            elif now.event == "preflight" and now.detail:
                show_preflight(now.label, now.detail, first=not looked_at)
                looked_at.add(now.run)
            elif now.event == "step":
                shares[now.run] = now.step / max(1, now.n_steps)
            elif now.event in ("finished", "failed", "interrupted"):
                shares[now.run] = 1.0
                if now.error:
                    say(f"{now.label}: {now.event}: {now.error}")
            loss = f"loss {now.loss:.3f} " if now.loss is not None else ""
            speed = f"{now.tokens_per_s:,.0f} tokens/s" if now.tokens_per_s else ""
            bar.update(
                round(100 * sum(shares.values())), 100 * now.n_runs, f"run {now.n_done}/{now.n_runs} {loss}{speed}"
            )

        return train_runs(
            store,
            student=student,
            corpora=corpora,
            seeds=seeds,
            profile=profile,
            trainer=trainer,
            processes=min(processes, n_runs),
            progress=show,
        )


def show_runs(results: Sequence["RunResult"], *, as_json: bool) -> None:
    """What became of each run."""
    if as_json:
        from dataclasses import asdict

        print_json([asdict(r) for r in results])
        return
    rows = [
        (
            r.corpus,
            r.seed,
            r.status,
            r.detail.get("steps"),
            r.detail.get("final_loss"),
            r.detail.get("seconds"),
        )
        for r in results
    ]
    print_rows(("corpus", "seed", "status", "steps", "loss", "seconds"), rows, as_json=False)
    folders = {r.output_dir.parent for r in results}
    say(f"weights: {', '.join(map(str, folders))}")
