"""study.toml: what it may say, and how it is refused: file, key, value, the nearest key, what to type."""

from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.study import files

MINIMAL = """
[cells]
datasets = "arith"
teachers = ["builtin-strict"]
[training]
students = "tiny"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_file_says_the_rest_by_itself(tmp_path: Path) -> None:
    design = files.load(written(tmp_path, MINIMAL))
    assert design.name == "mine"
    assert design.cells.levels == (1, 2, 3, 4, 5, 6)
    assert design.training.seeds == (1, 2, 3)
    assert (design.baselines.untouched, design.baselines.answer_only, design.baselines.human) == (True, True, True)


@pytest.mark.parametrize(("said", "levels"), [("4", (4,)), ('"1-3"', (1, 2, 3)), ('"1,5"', (1, 5)), ("[2, 6]", (2, 6))])
def test_levels_are_written_as_a_person_would(tmp_path: Path, said: str, levels: tuple[int, ...]) -> None:
    path = written(tmp_path, MINIMAL.replace("[training]", f"levels = {said}\n[training]"))
    assert files.load(path).cells.levels == levels


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("teachers", "techers"), ["cells.techers", "did you mean teachers?", "['builtin-strict']"]),
        (("[training]", "[trainig]"), ["trainig", "did you mean training?"]),
        (("students", "seeds = [1]\nstudnts"), ["training.studnts", "did you mean students?"]),
        (('"tiny"', '"tiny"\nprocesses = 0'), ["training.processes = 0", "greater than or equal to 1"]),
        (('"arith"', '"arith"\nlevels = "six"'), ["cells.levels", "'six'", "1-6"]),
        (('datasets = "arith"', ""), ["cells.datasets is missing"]),
        (("[cells]", "[cells"), ["cannot be read as TOML"]),
        (("[training]", "[questions]\nlimits = { arit = 5 }\n[training]"), ["questions.limits names 'arit'", "arith"]),
        (("[training]", "[questions]\nlimits = { arith = -1 }\n[training]"), ["questions.limits.arith = -1"]),
        (("[training]", "[asking.base_url]\nme = 'http://x/v1'\n[training]"), ["asking.base_url names 'me'"]),
        (("[training]", "[evaluation.datasets]\nari = ['arith']\n[training]"), ["evaluation.datasets names 'ari'"]),
        (('"tiny"', '"tiny"\ngpus = "0,0"'), ["training.gpus", "0,0", 'write different cards as 0, "0,1" or [0, 1]']),
        (("[training]", "[questions.own.mine]\nfile = 'x.csv'\nkin = 'text'\n[training]"), ["mine.kin", "mean kind?"]),
    ],
)
def test_a_wrong_line_is_named_with_its_place_and_value(
    tmp_path: Path, change: tuple[str, str], says: list[str]
) -> None:
    path = written(tmp_path, MINIMAL.replace(*change))
    with pytest.raises(ConfigError) as refused:
        files.load(path)
    message = str(refused.value)
    assert str(path) in message
    assert "Next: " in message
    for words in says:
        assert words in message


@pytest.mark.parametrize("said", ['"0,1"', "[0, 1]", '["0", "1"]'])
def test_cards_are_written_as_a_person_would(tmp_path: Path, said: str) -> None:
    path = written(tmp_path, MINIMAL.replace('"tiny"', f'"tiny"\ngpus = {said}'))
    assert files.load(path).training.gpus == ("0", "1")


def test_an_unknown_name_is_given_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'laptp'.*did you mean laptop\?.*Next: cotdistill study init"):
        files.load("laptp")


def test_paths_are_those_of_the_files_own_folder(tmp_path: Path) -> None:
    own = '[questions.own.mine]\nfile = "q.jsonl"\nkind = "number"\n' + MINIMAL
    design = files.load(written(tmp_path, own))
    assert design.questions.own["mine"].file == tmp_path / "q.jsonl"


def test_every_shipped_design_can_be_read_and_has_its_own_key() -> None:
    designs = [files.load(name) for name in files.shipped()]
    assert [d.name for d in designs] == ["domain", "laptop", "paper"]
    assert len({d.key for d in designs}) == 3


def test_a_changed_line_is_another_design(tmp_path: Path) -> None:
    first = files.load(written(tmp_path, MINIMAL)).key
    assert files.load(written(tmp_path, MINIMAL)).key == first
    assert files.load(written(tmp_path, MINIMAL.replace('"tiny"', '"tiny"\nseeds = [1, 2]'))).key != first
