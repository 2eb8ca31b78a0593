"""Rules: what is refused, how file and flags come together, and that the printed file is the defaults."""

import json
import tomllib
from pathlib import Path

import pytest

from cotdistill.commands.corpus import parsed_control, parsed_mix
from cotdistill.errors import ConfigError
from cotdistill.store.corpus_rules import Rules, as_toml, checked_name, load_rules


def test_flags_are_paths_and_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('common = true\n[cells]\ndataset = ["svamp"]\nlevel = [1]\n[equal]\nseed = 3\n')
    rules = load_rules(file, {"cells.level": [2, 3], "equal": {}, "equal.what": "rows", "verdict": None}, seed=9)
    assert rules.cells.dataset == ("svamp",)
    assert rules.cells.level == (2, 3)
    assert rules.common
    assert rules.equal is not None
    assert (rules.equal.what, rules.equal.seed) == ("rows", 3)  # the file's own seed stays
    assert rules.verdict == "correct"


def test_a_seed_is_for_all_that_is_drawn_and_turns_nothing_on() -> None:
    rules = load_rules(None, {"chains.k": 2, "controls": [{"kind": "shuffled"}]}, seed=9)
    assert rules.chains is not None
    assert (rules.chains.seed, rules.controls[0].seed) == (9, 9)
    assert rules.equal is None
    assert rules.validation is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commom = true", "commom"),
        ("[cells]\nlevels = [1]", r"cells\.levels"),
        ('verdict = "right"', "verdict"),
        ('[mix]\nby = "length"\nshares = {long = 1, middle = 1}', "long and short"),
        ('[mix]\nby = "level"\nshares = {1 = 0}', "above 0"),
        ('[mix]\nby = "level"\nshares = {1 = 1}\n[equal]', "a mix is one corpus"),
        ('[[controls]]\nkind = "padded"\nof = 1', "padded"),
        ('[[controls]]\nkind = "shuffled"\nto = 1', "only a padded"),
        ("[decontaminate]\nn = 1", r"decontaminate\.n"),
        ("rows = 0", "rows"),
        ("common = ", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_rules(file)
    assert "Next: cotdistill corpus rules" in str(caught.value)


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no rules at"):
        load_rules(tmp_path / "none.toml")


def test_a_manifest_is_as_good_as_its_rules(tmp_path: Path) -> None:
    rules = load_rules(None, {"cells.level": [1, 5], "common": True, "mix": parsed_mix("level:5=1,1=4")})
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"name": "x", "rules": rules.resolved(), "counts": {}}))
    assert load_rules(file) == rules
    assert load_rules(file).hash == rules.hash


def test_every_setting_has_a_meaning_and_the_printed_file_says_the_defaults() -> None:
    text = as_toml()
    assert Rules.model_validate(tomllib.loads(text)) == Rules()
    settings = [line for line in text.splitlines()[2:] if " = " in line]
    assert len(settings) > 25
    for line in settings:
        assert "  # " in line, line


@pytest.mark.parametrize("table", ["decontaminate", "near_duplicates", "relevel", "chains", "validation", "equal"])
def test_a_table_of_the_printed_file_can_be_turned_on(table: str) -> None:
    _, _, rest = as_toml().partition(f"# [{table}]\n")
    lines = rest.split("\n\n")[0].splitlines()
    body = "\n".join(line.removeprefix("#") for line in lines if " = ... " not in line and not line.endswith("= ..."))
    rules = Rules.model_validate(tomllib.loads(f"[{table}]\n{body}"))
    assert getattr(rules, table) == type(getattr(rules, table))()


def test_flags_for_mixes_and_controls() -> None:
    assert parsed_mix("length:long=1,short=4") == {"by": "length", "shares": {"long": 1.0, "short": 4.0}}
    assert parsed_mix("teacher:gpt-4o=1, a=b=2")["shares"] == {"gpt-4o": 1.0, "a=b": 2.0}
    assert parsed_control("answer-only") == {"kind": "answer-only"}
    assert parsed_control("shuffled:5") == {"kind": "shuffled", "of": 5}
    assert parsed_control("padded:1-5") == {"kind": "padded", "of": 1, "to": 5}
    with pytest.raises(ConfigError, match="no parts"):
        parsed_mix("level:1,2")
    with pytest.raises(ConfigError, match="no numbers"):
        parsed_control("padded:a-b")


@pytest.mark.parametrize("name", ["dose/1", "", "..", "deadbeef", "a b", "-x"])
def test_names_that_could_be_something_else_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no name for a corpus"):
        checked_name(name)
