"""The grid of a design: grids beside the first, cells taken away, baselines that are added unless refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cotdistill.errors import ConfigError
from cotdistill.store.store import Store
from cotdistill.study import files
from cotdistill.study.design import Design
from cotdistill.study.grid import StudyCell, cells_of, teachers_of

DESIGN: dict[str, Any] = {
    "name": "grid",
    "cells": {"datasets": ["svamp", "gsm8k"], "teachers": ["gpt-4o", "gpt-4o-mini"], "levels": [1, 5]},
    "training": {"students": ["tiny", "bloom-560m"]},
}


def cells(tmp_path: Path, **more: Any) -> list[StudyCell]:
    design = Design.model_validate({**DESIGN, **more})
    return cells_of(design, Store.open(tmp_path / "s.duckdb"), teachers_of(design))


def test_a_full_factorial_with_a_cell_of_answers_alone_for_each_teacher_and_data_set(tmp_path: Path) -> None:
    found = cells(tmp_path)
    assert sum(not c.baseline for c in found) == 2 * 2 * 2
    assert Counter((c.cell.dataset, c.cell.teacher) for c in found if c.baseline) == Counter(
        {(d, t): 1 for d in ("svamp", "gsm8k") for t in ("gpt-4o", "gpt-4o-mini")}
    )


def test_baselines_can_be_refused(tmp_path: Path) -> None:
    assert not [c for c in cells(tmp_path, baselines={"answer_only": False}) if c.baseline]


def test_a_grid_beside_the_first_adds_only_its_own_cells_and_students(tmp_path: Path) -> None:
    also = {"datasets": ["svamp"], "teachers": ["gpt-4o"], "levels": 5, "students": ["bloom-560m"]}
    found = cells(tmp_path, also=[{**also, "formats": ["original", "symbolic"]}])
    assert len(found) == 8 + 4 + 1
    symbolic = [c for c in found if c.cell.recipe.format == "symbolic"]
    assert [(c.cell.dataset, c.cell.recipe.level, c.students) for c in symbolic] == [("svamp", 5, ("bloom-560m",))]
    both = next(c for c in found if c.cell.dataset == "svamp" and c.cell.recipe.level == 5)
    assert both.students == ("tiny", "bloom-560m")


def test_cells_can_be_taken_away(tmp_path: Path) -> None:
    without = [{"teachers": ["gpt-4o-mini"], "levels": [5]}, {"datasets": ["gsm8k"], "formats": ["answer-only"]}]
    found = cells(tmp_path, without=without)
    assert not [c for c in found if c.cell.teacher == "gpt-4o-mini" and c.cell.recipe.level == 5]
    assert [c.cell.dataset for c in found if c.baseline] == ["svamp", "svamp"]
    assert len(found) == 12 - 2 - 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cells": {**DESIGN["cells"], "datasets": ["svmp"]}}, "unknown data set 'svmp'"),
        ({"cells": {**DESIGN["cells"], "teachers": ["nobody"]}}, "unknown teacher 'nobody'"),
        ({"cells": {**DESIGN["cells"], "teachers": ["builtin-strict"]}}, "solves arith only, not 'svamp'"),
        ({"cells": {**DESIGN["cells"], "formats": ["sonnet"]}}, "unknown format 'sonnet'"),
        ({"cells": {**DESIGN["cells"], "levels": [7]}}, "unknown level 7"),
        ({"cells": {**DESIGN["cells"], "students": ["llama"]}}, "'llama' of its cells is not among training.students"),
        ({"without": [{"datasets": ["svamp", "gsm8k"]}]}, "wants no cell at all"),
    ],
)
def test_what_does_not_exist_is_said(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        cells(tmp_path, **changes)


def test_the_papers_grid(tmp_path: Path) -> None:
    design = files.load("paper")
    found = cells_of(design, Store.open(tmp_path / "s.duckdb"), teachers_of(design))
    compared = [c for c in found if not c.baseline]
    assert len([c for c in compared if c.cell.recipe.format == "original"]) == 7 * 3 * 6
    formats = [c for c in compared if c.cell.recipe.format != "original"]
    assert Counter((c.cell.dataset, c.cell.recipe.level) for c in formats) == Counter(
        {(d, level): 3 for d in ("svamp", "gsm8k") for level in (3, 5)}
    )
    assert {c.students for c in formats if c.cell.recipe.level == 5} == {("gemma-2b",)}
