"""For notebooks and scripts: `from cotdistill import Store, Study` does what the command line does; results are frames.

store = Store("cotdistill.duckdb")
study = Study("laptop", store=store)
study.plan(); study.run(max_hours=1); store.ask("levels", dataset="arith")
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..analysis.questions import QUESTIONS, answer
from ..analysis.report import write_report
from ..errors import StoreError
from ..gen.prompts import build, load_prompts
from ..store.store import Store as StoreFile
from .design import Design
from .executor import Executor, Watch
from .files import load
from .halving import Found
from .holes import Hole, find_holes
from .local import LocalExecutor
from .plan import Plan, PlanRow, make_plan
from .run import Ran, run_study
from .search import search_study
from .section import study_section


class Store(StoreFile):
    """A store, opened or created: `Store("cotdistill.duckdb")`. SQL and named questions answer as polars frames.

    StoreError: no such folder, not a store of ours, one of a newer version, or held by another program for longer than
    `patience_s`.
    """

    def __init__(
        self,
        path: str | Path = "cotdistill.duckdb",
        *,
        patience_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
        read_only: bool = False,
        threads: int | None = None,
    ) -> None:
        super().__init__(Path(path), patience_s=patience_s, on_wait=on_wait, read_only=read_only, threads=threads)
        if not (read_only and self.path.exists()):
            StoreFile.open(self.path, patience_s=patience_s, on_wait=on_wait)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        create: bool = True,
        patience_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
        threads: int | None = None,
        on_upgrade: Callable[[Path], None] | None = None,
    ) -> "Store":
        """As the constructor; StoreError where there is no file and `create` is False. `on_upgrade`: told where the
        copy is that was made before an older schema was upgraded."""
        StoreFile.open(Path(path), create=create, patience_s=patience_s, on_wait=on_wait, on_upgrade=on_upgrade)
        return cls(path, patience_s=patience_s, on_wait=on_wait, threads=threads)

    def sql(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Ask anything, read-only: one SQL statement, its parameters bound. StoreError: the query is wrong."""
        with self.read() as con:
            try:
                found = con.sql(query, params=parameters) if parameters else con.sql(query)
                rows: pl.DataFrame = pl.DataFrame() if found is None else found.pl()
            except duckdb.Error as error:
                raise StoreError(f'the query failed: {error}. Next: store.sql("SHOW TABLES")') from error
        return rows

    def ask(self, question: str, **filters: str | int | Sequence[str] | Sequence[int] | None) -> pl.DataFrame:
        """A named question (`Store.questions()`), one row for each of its answer's, figures unrounded.

        Filters: dataset, student, teacher, level, format. What the answer says besides is in `notes`.
        """
        return frame(answer(self, question, **filters).detail)

    def notes(self, question: str, **filters: str | int | Sequence[str] | Sequence[int] | None) -> list[str]:
        """What a named question's answer says beside its rows: which tests, about what, what to do next."""
        return list(answer(self, question, **filters).notes)

    @staticmethod
    def questions() -> pl.DataFrame:
        """The named questions: name, what it asks, its filters."""
        return pl.DataFrame([{"name": q.name, "asks": q.title, "filters": list(q.filters)} for q in QUESTIONS.values()])


class Study:
    """A design on a store: `Study("laptop")`, or a path, or a Design.

    ConfigError: no such file or name, or a key or value in it that is wrong.
    """

    def __init__(self, design: str | Path | Design, *, store: StoreFile | str | Path = "cotdistill.duckdb") -> None:
        self.file = design.name if isinstance(design, Design) else str(design)
        self.design = design if isinstance(design, Design) else load(design)
        self.store = store if isinstance(store, StoreFile) else Store(store)

    def plan(self) -> pl.DataFrame:
        """Every cell: what is there, what is missing, and tokens, dollars and hours of that (estimates)."""
        return frame([row.as_dict() for row in self.made_plan().rows], like=PlanRow)

    def made_plan(self) -> Plan:
        """The whole plan as values: rows, stages, totals."""
        return make_plan(self.design, self.store)

    def status(self) -> pl.DataFrame:
        """One row for each stage: wanted, done, hours of what is missing."""
        return frame([asdict(stage) | {"missing": stage.wanted - stage.done} for stage in self.made_plan().stages])

    def tells(self) -> pl.DataFrame:
        """What the design can tell: the smallest difference that is found four times in five, for each student and
        data set."""
        return frame([asdict(one) for one in self.made_plan().tells])

    def holes(self) -> pl.DataFrame:
        """What is missing and why; no row: the study is whole."""
        return frame([asdict(hole) for hole in find_holes(self.design, self.store, self.file)], like=Hole)

    def run(
        self,
        *,
        max_usd: float | None = None,
        max_hours: float | None = None,
        processes: int | None = None,
        executor: Executor | None = None,
        watch: Watch | None = None,
    ) -> Ran:
        """Fill what is missing; interrupted at any moment, the next call goes on. `executor`: where tasks are done,
        this machine by default; `watch`: who is told."""
        training = self.design.training
        here = LocalExecutor(processes or training.processes, training.gpus)
        return run_study(self.design, self.store, executor or here, max_usd=max_usd, max_hours=max_hours, watch=watch)

    def search(
        self,
        student: str,
        *,
        dataset: str | None = None,
        prior: bool = True,
        max_usd: float | None = None,
        executor: Executor | None = None,
        watch: Watch | None = None,
    ) -> Found:
        """The best supervision for a student, by successive halving: a part of the full grid's training."""
        training = self.design.training
        here = executor or LocalExecutor(training.processes, training.gpus)
        found, _ = search_study(
            self.design, self.store, here, student=student, dataset=dataset, prior=prior, max_usd=max_usd, watch=watch
        )
        return found

    def report(self, out: str | Path | None = None) -> Path:
        """Write the report, headed by the study. Returns its path."""
        return report_study(self.design, self.store, Path(out or f"{self.design.name}.html"), self.file)


def report_study(design: Design, store: StoreFile, out: Path, file: str) -> Path:
    """The store's report with the study at its head."""
    plan, holes = make_plan(design, store), find_holes(design, store, file)
    prompter = partial(build, prompts=load_prompts(design.asking.prompts))
    return write_report(store, out, prompter=prompter, ahead=[study_section(plan, holes)])


@contextlib.contextmanager
def reading(path: Path) -> Iterator[StoreFile]:
    """The store at `path`; where there is none, an empty one that lives as long as the block: a plan needs no store."""
    if path.exists():
        yield StoreFile.open(path, create=False)
        return
    with tempfile.TemporaryDirectory(prefix="cotdistill-plan-") as folder:
        yield StoreFile.open(Path(folder) / "empty.duckdb")


def frame(rows: Sequence[Mapping[str, Any]], *, like: type[Any] | None = None) -> pl.DataFrame:
    """Rows as a frame; of no row, the columns that `like` would have."""
    if not rows and like is not None:
        return pl.DataFrame(schema=list(like.__dataclass_fields__))
    return pl.DataFrame([dict(row) for row in rows], infer_schema_length=None, strict=False)
