"""Rows of every data set, in every layout they are published in, become questions; wrong rows are named."""

import json
from pathlib import Path

import pytest

from cotdistill.errors import ConfigError
from cotdistill.tasks.datasets import aqua, commonsenseqa, gsm8k, math, math500, math_4s, openbookqa, strategyqa, svamp
from cotdistill.tasks.datasets.registry import DATASETS, load_questions
from cotdistill.tasks.datasets.spec import RowError, number_of
from cotdistill.tasks.values import Question


def test_svamp_joins_body_and_question() -> None:
    row = {"Body": "Ada has 9 pens", "Question": "How many are left?", "Answer": 4.0, "Type": "Subtraction"}
    assert svamp.parse(row, "train", "f:1") == Question(
        "svamp", "train", "Ada has 9 pens. How many are left?", "number", "4", subject="Subtraction", source="f:1"
    )


def test_gsm8k_takes_what_stands_behind_the_mark() -> None:
    question = gsm8k.parse({"question": "How much? ", "answer": "9*120=<<9*120=1080>>1080\n#### 1,080"}, "test", "")
    assert (question.text, question.gold) == ("How much?", "1080")
    with pytest.raises(RowError, match="####"):
        gsm8k.parse({"question": "How much?", "answer": "1080"}, "test", "")


def test_aqua_in_both_layouts_is_one_question() -> None:
    owners = aqua.parse({"question": "2 + 3?", "options": ["A)4", "B)5", "C)6"], "correct": "B"}, "test", "")
    papers = aqua.parse({"instruction": "Q: 2 + 3? Answer choices: A: 4, B: 5, C: 6", "output": "B"}, "test", "")
    assert owners.choices == ("4", "5", "6")
    assert (owners.key, owners.gold) == (papers.key, papers.gold) == (owners.key, "B")


def test_math_reads_the_last_box_and_keeps_subject_and_level() -> None:
    row = {
        "problem": "Halve it.",
        "level": "Level 3",
        "type": "Algebra",
        "solution": "Not $\\boxed{2}$ but $\\boxed{\\frac{1}{\\sqrt{2}}}$.",
    }
    question = math.parse(row, "test", "")
    assert (question.gold, question.subject, question.difficulty) == ("\\frac{1}{\\sqrt{2}}", "Algebra", "Level 3")
    assert math.boxed_answer("so $\\boxed 5$.") == "5"
    assert math.boxed_answer("so \\fbox{\\{1, 2\\}}") == "\\{1, 2\\}"
    given = math500.parse({"problem": "p", "answer": "7", "subject": "Geometry", "level": 2}, "test", "")
    assert (given.gold, given.subject, given.difficulty) == ("7", "Geometry", "Level 2")
    for solution in ("no box", "\\boxed{}", "\\boxed{5"):
        with pytest.raises(RowError):
            math.boxed_answer(solution)


def test_the_draw_of_math_4s_does_not_depend_on_the_order() -> None:
    subjects = [*math_4s.SUBJECTS, "Geometry"]
    bank = [Question("math-4s", "test", f"problem {n}", "latex", "1", subject=subjects[n % 5]) for n in range(1500)]
    drawn = math_4s.select(bank)
    assert len(drawn) == math_4s.N_DRAWN
    assert {q.subject for q in drawn} == math_4s.SUBJECTS
    assert {q.key for q in math_4s.select(bank[::-1])} == {q.key for q in drawn}


@pytest.mark.parametrize(("parse", "stem"), [(commonsenseqa.parse, "question"), (openbookqa.parse, "question_stem")])
def test_choice_sets_in_three_layouts_are_one_question(parse: object, stem: str) -> None:
    rows = [
        {"instruction": "Where do pens lie? Answer Choices:\nA. desk\nB. moon\n", "output": "", "label": "A"},
        {"instruction": "Q: Where do pens lie? Answer choices: A: desk, B: moon", "output": "A"},
        {stem: "Where do pens lie?", "choices": {"label": ["A", "B"], "text": ["desk", "moon"]}, "answerKey": "A"},
        {stem: "Where do pens lie?", "choices": {"label": ["1", "2"], "text": ["desk", "moon"]}, "answerKey": "1"},
    ]
    questions = [parse(row, "test", "") for row in rows]  # type: ignore[operator]
    assert len({(q.key, q.gold, q.choices) for q in questions}) == 1


def test_strategyqa_in_both_layouts_is_one_question() -> None:
    written = strategyqa.parse({"instruction": "Can pens fly?", "label": "False"}, "test", "")
    listed = strategyqa.parse({"question": "Can pens fly?", "answer": False, "facts": "no"}, "test", "")
    assert (written.key, written.gold) == (listed.key, listed.gold) == (written.key, "False")


@pytest.mark.parametrize(
    ("value", "text"), [(51.0, "51"), ("51.0", "51"), ("1,080", "1080"), (0.5, "0.5"), ("-3.0", "-3"), ("100", "100")]
)
def test_gold_numbers_are_written_one_way(value: object, text: str) -> None:
    assert number_of(value) == text


def test_every_spec_is_whole() -> None:
    for name, spec in DATASETS.items():
        assert spec.name == name
        assert spec.licence
        assert spec.licence_from
        assert spec.home
        if spec.build is None:
            assert spec.hub is not None
            assert set(spec.hub.files) == set(spec.splits)
            assert len(spec.hub.revision) == 40
            assert int(spec.hub.revision, 16)  # a commit, no branch
            assert {*spec.local, *spec.paper} <= set(spec.splits)


def svamp_rows() -> list[dict[str, object]]:
    return [{"Body": f"Ada has {n} pens", "Question": "How many?", "Answer": float(n), "Type": "Sum"} for n in range(4)]


def write(folder: Path, name: str, rows: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(rows, list) and name.endswith("jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


def test_duplicates_are_collapsed_and_conflicts_counted(tmp_path: Path) -> None:
    rows = svamp_rows()
    rows.append({**rows[0], "Body": "ADA HAS 0 PENS."})  # the same words
    rows.append({**rows[1], "Answer": 99.0})
    write(tmp_path, "svamp/SVAMP.json", rows)
    result = load_questions("svamp", source=tmp_path)
    assert result.counts == {"train": 0, "test": 4}
    assert (result.n_duplicates, result.n_conflicts, result.n_moved) == (2, 1, 0)
    assert [q.gold for q in result.questions] == ["0", "1", "2", "3"]


def test_a_question_in_train_and_test_belongs_to_test(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 1?", "answer": f"#### {n + 1}"} for n in range(5)]
    write(tmp_path, "gsm8k/train.jsonl", rows)
    write(tmp_path, "gsm8k/test.jsonl", rows[3:])
    both = load_questions("gsm8k", source=tmp_path)
    assert (both.counts, both.n_moved) == ({"train": 3, "test": 2}, 2)
    alone = load_questions("gsm8k", split="train", source=tmp_path)
    assert (alone.counts, alone.n_moved) == ({"train": 3}, 2)
    assert [q.source for q in alone.questions] == ["gsm8k/train.jsonl:1", "gsm8k/train.jsonl:2", "gsm8k/train.jsonl:3"]


def test_an_absent_split_is_named_and_an_error_when_asked_for(tmp_path: Path) -> None:
    row = {"question": "2 + 3?", "options": ["A)4", "B)5"], "rationale": "", "correct": "B"}
    write(tmp_path, "benchmarks/aqua/test.json", [row])
    (tmp_path / "paper/data").mkdir(parents=True)
    result = load_questions("aqua", source=tmp_path / "benchmarks")
    assert result.counts == {"test": 1}
    assert {split: Path(file).name for split, file in result.absent.items()} == {
        "validation": "dev.json",
        "train": "aqua_only_ans.json",
    }
    with pytest.raises(ConfigError, match=r"aqua, split train: no file .*paper/data/aqua_only_ans\.json"):
        load_questions("aqua", split="train", source=tmp_path / "benchmarks")
    write(tmp_path, "paper/data/aqua_only_ans.json", [{"instruction": "1 + 1? Options: (A) 2 (B) 3", "output": "A"}])
    assert load_questions("aqua", split="train", source=tmp_path / "benchmarks").counts == {"train": 1}


def test_the_papers_folder_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, "p/strategyQA_onlyans.json", [{"instruction": "Can pens fly?", "output": "False"}])
    assert load_questions("strategyqa", split="train", paper=tmp_path / "p").counts == {"train": 1}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"name": "svomp"}, "unknown data set 'svomp'"),
        ({"name": "svamp", "split": "dev"}, "svamp has no split 'dev'. Next: use one of train, test"),
        ({"name": "svamp", "source": Path("/nowhere/at/all")}, "--source /nowhere/at/all is no folder"),
    ],
)
def test_wrong_names_are_named(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_questions(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "How many?", "answer": "7"}', r"test\.jsonl, line 3: the answer has no '####'"),
        ('{"question": "How many?"', r"test\.jsonl, line 3: not JSON"),
        ('["question"]', r"test\.jsonl, line 3: not an object"),
        ('{"answer": "#### 7"}', r"test\.jsonl, line 3: no text in column question"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, "gsm8k/test.jsonl", [{"question": f"{n}?", "answer": "#### 1"} for n in range(2)])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ConfigError, match=message):
        load_questions("gsm8k", split="test", source=tmp_path)


def test_the_built_in_data_set_needs_no_files() -> None:
    assert load_questions("arith", split="far").counts == {"far": 300}
