"""The grid of a design: which cells it wants, where their rationales come from, and who learns from them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from ..gen.prompts import ANSWER_ONLY, Prompts, load_prompts, recipes
from ..gen.teachers import Teacher, find_teacher, load_registry
from ..store.cells import Cell, select_cells
from ..store.store import Store
from ..tasks.datasets.registry import DATASETS
from ..tasks.values import Sampling
from .design import Design, Grid, Without

Origin = Literal["asked", "imported"]
HUMAN = "human"


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One cell of the grid with the students that learn from it. `origin`: a teacher is asked for it, or the store was
    given it. `baseline`: what it is held against, not what is compared."""

    cell: Cell
    students: tuple[str, ...]
    origin: Origin = "asked"
    baseline: bool = False


def teachers_of(design: Design) -> dict[str, Teacher]:
    """The teachers by name. ConfigError: an unknown one; one that its provider retired, or built in and asked about a
    data set it cannot solve."""
    if design.cells.imported:
        return {}
    registry = load_registry(design.asking.registry)
    names = dict.fromkeys(name for grid in grids(design) for name in grid.teachers or () if name != HUMAN)
    return {name: find_teacher(name, registry=registry, base_url=design.asking.base_url.get(name)) for name in names}


def sampling_of(design: Design, teacher: Teacher) -> Sampling:
    """How the teacher is asked. ConfigError: it does not take that."""
    a = design.asking
    found = Sampling(a.temperature, a.top_p, a.seed, a.reasoning_effort, a.max_tokens or teacher.max_tokens)
    teacher.check(found)
    return found


def grids(design: Design) -> list[Grid]:
    """The first grid and those beside it, each with everything said. ConfigError: a student that nobody trains."""
    first = {name: getattr(design.cells, name) for name in Grid.model_fields}
    first["students"] = design.cells.students or design.training.students
    made = []
    for one in (design.cells, *design.also):
        said = {name: getattr(one, name) for name in Grid.model_fields if getattr(one, name) is not None}
        grid = Grid(**{**first, **said})
        for student in grid.students or ():
            if student not in design.training.students:
                raise ConfigError(
                    f"study {design.name}: student {student!r} of its cells is not among training.students "
                    f"({', '.join(design.training.students)}). Next: add it there"
                )
        made.append(grid)
    return made


def cells_of(design: Design, store: Store, teachers: Mapping[str, Teacher]) -> list[StudyCell]:
    """Every cell the design wants, each once, in reading order. ConfigError: an unknown data set, level or format; a
    built-in teacher asked about anything but arith; nothing imported that matches."""
    known(design)
    found: dict[str, StudyCell] = {}
    there = _there(store) if design.cells.imported or design.baselines.human else []
    prompts = load_prompts(design.asking.prompts)
    for one in _wanted(design, prompts, teachers, there):
        if any(_matches(one.cell, without) for without in design.without):
            continue
        if one.cell.key in found:
            students = (*found[one.cell.key].students, *one.students)
            one = StudyCell(one.cell, tuple(dict.fromkeys(students)), one.origin, found[one.cell.key].baseline)
        found[one.cell.key] = one
    if not found:
        raise ConfigError(f"study {design.name} wants no cell at all. Next: look at its `without`, or import first")
    return list(found.values())


def known(design: Design) -> None:
    """ConfigError: a data set that is neither known nor the user's own file."""
    own = design.questions.own
    examined = [name for several in design.evaluation.datasets.values() for name in several]
    for name in (*(n for grid in grids(design) for n in grid.datasets or ()), *examined):
        if name not in DATASETS and name not in own:
            raise ConfigError(
                f"study {design.name}: unknown data set {name!r}. Known: {', '.join([*DATASETS, *own])}. "
                f"Next: name one, or add [questions.own.{name}] with file and kind"
            )
    for name in own:
        if name in DATASETS:
            raise ConfigError(f"study {design.name}: {name!r} is a known data set's name. Next: give yours another")


def _wanted(
    design: Design, prompts: Prompts, teachers: Mapping[str, Teacher], there: Sequence[Cell]
) -> Iterator[StudyCell]:
    for grid in grids(design):
        students = grid.students or ()
        for dataset, name in itertools.product(grid.datasets or (), grid.teachers or ()):
            if design.cells.imported:
                yield from (
                    StudyCell(cell, students, "imported", cell.recipe.format == ANSWER_ONLY)
                    for cell in there
                    if (cell.dataset, cell.teacher) == (dataset, name) and _in(cell, grid)
                )
                continue
            if name == HUMAN:
                continue  # below, where the store has any
            if teachers[name].provider == "builtin" and dataset != "arith":
                raise ConfigError(
                    f"study {design.name}: the built-in teacher {name} solves arith only, not {dataset!r}. "
                    f"Next: take it away with [[without]], or name another teacher"
                )
            for visible in grid.gold_visible or ():
                wanted = recipes(
                    grid.levels or (), [f for f in grid.formats or () if f != ANSWER_ONLY], visible, prompts
                )
                yield from (StudyCell(Cell(dataset, name, recipe), students) for recipe in wanted)
            if design.baselines.answer_only:
                (bare,) = recipes((), [ANSWER_ONLY], "no", prompts)
                yield StudyCell(Cell(dataset, name, bare), students, baseline=True)
        for dataset in grid.datasets or ():
            human = [c for c in there if c.dataset == dataset and c.teacher == HUMAN]
            if design.baselines.human or HUMAN in (grid.teachers or ()):
                yield from (StudyCell(cell, students, "imported", HUMAN not in (grid.teachers or ())) for cell in human)


def _there(store: Store) -> list[Cell]:
    with store.read() as con:
        (any_reply,) = con.execute("SELECT count(*) > 0 FROM reply").fetchone() or (False,)
    return select_cells(store) if any_reply else []


def _in(cell: Cell, grid: Grid) -> bool:
    r = cell.recipe
    return (
        (r.level is None or r.level in (grid.levels or ()))
        and (r.format is None or r.format == ANSWER_ONLY or r.format in (grid.formats or ()))
        and (r.gold_visible == "unknown" or r.gold_visible in (grid.gold_visible or ()))
    )


def _matches(cell: Cell, without: Without) -> bool:
    r = cell.recipe
    asked = (
        (without.datasets, cell.dataset),
        (without.teachers, cell.teacher),
        (without.levels, r.level),
        (without.formats, r.format),
        (without.gold_visible, r.gold_visible),
    )
    return all(values is None or value in values for values, value in asked)
