"""From what a design misses to tasks: plain data that says everything about itself."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..store.store import Store
from ..tasks import keys
from ..train.students import Student
from .evaluations import EvaluationState, engine_of, options_of
from .grid import StudyCell, sampling_of
from .state import RunState, State
from .tasks import EvaluateTask, HarvestTask, TrainTask


def harvests(state: State, *, max_usd: float | None = None) -> list[HarvestTask]:
    """One for each teacher and data set that miss replies, with all cells of theirs that do."""
    design = state.design
    groups: dict[tuple[str, str], list[StudyCell]] = {}
    for cell in state.cells:
        if cell.of.origin == "asked" and not cell.whole:
            groups.setdefault((cell.of.cell.teacher, cell.of.cell.dataset), []).append(cell.of)
    made = []
    for (name, dataset), cells in groups.items():
        recipes = tuple((r.level, r.format, r.gold_visible, r.prompt_version) for r in (c.cell.recipe for c in cells))
        sampling = asdict(sampling_of(design, state.teachers[name]))
        limit = design.questions.limit_of(dataset)
        wanted = [dataset, name, recipes, sampling, design.questions.split, limit, design.asking.samples]
        made.append(
            HarvestTask(
                key=keys.digest("harvest", *wanted),
                label=f"{name} on {dataset}, {len(cells)} cells",
                dataset=dataset,
                teacher=state.teachers[name].model_dump(mode="json"),
                recipes=recipes,
                sampling=sampling,
                split=design.questions.split,
                limit=limit,
                samples=design.asking.samples,
                prompts=str(design.asking.prompts) if design.asking.prompts else None,
                concurrency=design.asking.concurrency,
                max_usd=max_usd,
            )
        )
    return made


def trainings(runs: Sequence[RunState]) -> list[TrainTask]:
    """Those of the runs that can be trained now: their corpus and their student's weights are known."""
    return [
        TrainTask(
            key=run.key,
            label=run.label,
            student=named(run.order.student),
            profile=run.order.profile.model_dump(mode="json"),
            trainer=run.order.trainer,
            seed=run.seed,
            corpus_hash=run.corpus.corpus_hash,
        )
        for run in runs
        if run.key is not None and run.corpus.corpus_hash is not None
    ]


def evaluations(state: State, store: Store, wanted: Sequence[EvaluationState]) -> list[EvaluateTask]:
    """Those that can be asked now and are not answered."""
    engine, dtype = engine_of(state, store)
    options: dict[str, Any] = asdict(options_of(state.design))
    return [
        EvaluateTask(
            key=one.key,
            label=one.label,
            student=named(one.order.student),
            run_key=one.run.key if one.run is not None else None,
            dataset=one.dataset,
            options=options,
            engine=engine,
            dtype=dtype,
            template=one.order.template,
        )
        for one in wanted
        if one.key is not None and not one.done
    ]


def named(student: Student) -> str:
    """What resolve_student finds it by, from anywhere: its name, its hub id, or its directory."""
    from ..train.students import known_students

    return student.name if student.name in known_students() or student.hub_id else str(student.path)
