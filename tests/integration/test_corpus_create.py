"""corpus create from end to end: a small store whose every row is known; named corpora read back, kept, refused."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from cotdistill.commands.train import named_corpora
from cotdistill.errors import ConfigError
from cotdistill.store.cells import Cell, select_cells
from cotdistill.store.corpora import implicit_corpus, load_corpora, load_corpus
from cotdistill.store.corpus_create import create_corpora
from cotdistill.store.corpus_rules import Rules, load_rules
from cotdistill.store.merge import merge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.grading import grade
from cotdistill.tasks.realised import count_tokens
from cotdistill.tasks.values import Question, Recipe

THINGS = ["apples", "pears", "coins", "books", "cards", "shells", "stamps", "kites", "drums", "lamps", "masks", "bells"]
PLACES = ["shed", "attic", "barn", "cellar", "kitchen", "garden"]
TEXT = "In the {place} {a} boxes hold {b} {things} each. In all?"
QUESTIONS = [
    Question("own", "train", TEXT.format(place=PLACES[i % 6], a=i + 2, b=i + 3, things=THINGS[i % 12]), "number", gold)
    for i in range(24)
    for gold in [str((i + 2) * (i + 3))]
]
EXAM = [
    Question("exam", "test", QUESTIONS[3].text.upper(), "number", "30"),  # the very words
    Question("exam", "test", QUESTIONS[4].text.replace(" 6 ", " 60 ").replace(" 7 ", " 70 "), "number", "4200"),
]


def rationale(question: Question, level: int) -> str:
    a, b = (int(w) for w in question.text.split() if w.isdigit())
    steps = [f"There are {a} boxes of {b}.", f"Each of them counts {b}.", f"Multiply: {a} * {b} = {a * b}."]
    return " ".join([*steps[-level:], f"The answer is {question.gold}"])


def fill(store: Store, *, shuffled_by: int | None = None) -> None:
    """Levels 1 to 3, with two samples at level 2; level 1 lacks question 0 and is wrong on question 1."""
    add_questions(store, [*QUESTIONS, *EXAM])
    rows = []
    for level in (1, 2, 3):
        cell = Cell("own", "me", Recipe(level, "original", "no", "1"))
        for i, q in enumerate(QUESTIONS):
            for sample in range(2 if level == 2 else 1):
                if level == 1 and i == 0:
                    continue
                text = rationale(q, level) if (level, i) != (1, 1) else "The answer is 0"
                rows.append((cell, q, sample, text + (" indeed"[: 0 if not sample else None])))
    if shuffled_by is not None:
        random.Random(shuffled_by).shuffle(rows)
    for start in range(0, len(rows), 32):  # several transactions, as files and harvests come
        members, replies = [], []
        for cell, q, sample, text in rows[start : start + 32]:
            key = f"{cell.key}-{q.key}-{sample}"
            members.append({"cell_key": cell.key, "question_key": q.key, "sample_index": sample, "reply_key": key})
            reply = {"reply_key": key, "question_key": q.key, "teacher": "me", "status": "ok", "text": text}
            replies.append(reply | {"sample_index": sample, "redo": 0, "received_at": "2026-01-01T00:00:00"})
        with store.write() as con:
            store.insert(con, "cell", [row[0].row() for row in rows[start : start + 32]])
            store.insert(con, "cell_member", members)
            store.insert(con, "reply", replies)
    store.settle()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("corpora") / "store.duckdb")
    fill(store)
    return store


DOSE = load_rules(None, {"cells.dataset": ["own"], "common": True, "equal": {}, "chains.k": 1, "validation.share": 0.2})
KEYS = {q.key: i for i, q in enumerate(QUESTIONS)}


def test_a_dose_is_compared_on_a_common_block_of_equal_size(filled: Store) -> None:
    made = create_corpora(filled, "dose", DOSE)
    assert [one.name for one in made] == ["dose/1", "dose/2", "dose/3"]
    corpora = load_corpora(filled, ["dose"])
    assert [c.name for c in corpora] == ["dose/1", "dose/2", "dose/3"]
    blocks = [{KEYS[r.question_key] for r in c.rows} for c in corpora]
    assert blocks[2] <= blocks[1] <= blocks[0]
    assert not {0, 1, 3} & blocks[0]  # missing, wrong, in a test split
    tokens = [sum(count_tokens(r.completion) for r in c.rows if r.split == "train") for c in corpora]
    assert tokens == [one.tokens for one in made]
    assert max(tokens) - min(tokens) < 60
    for one, corpus in zip(made, corpora, strict=True):
        assert corpus.corpus_hash == one.corpus_hash
        assert {(r.level, r.teacher, r.dataset, r.format) for r in corpus.rows} == {
            (int(one.name[-1]), "me", "own", "original")
        }
        assert one.n_rows == len(corpus.rows) == one.n_train + one.n_validation
        assert corpus.cell == select_cells(filled, levels=[int(one.name[-1])])[0]
    assert made[0].left_out["in a test split"] == 1
    assert made[0].left_out["wrong"] == 1
    assert made[1].left_out["beyond 1 a question (first)"] == 23


def test_every_wanted_reply_is_in_a_corpus_or_left_out_with_its_rule(filled: Store) -> None:
    create_corpora(filled, "dose", DOSE)
    with filled.read() as con:
        found = con.execute(
            "SELECT count(*) FILTER (taken), count(*) FILTER (lost), count(*) FILTER (taken AND lost), count(*) FROM ("
            "SELECT m.reply_key, count(cm.rationale_key) > 0 AS taken, count(l.reply_key) > 0 AS lost "
            "FROM cell_member m LEFT JOIN rationale r USING (reply_key) LEFT JOIN (corpus_member cm "
            "JOIN corpus_name_now n ON n.corpus_hash = cm.corpus_hash AND n.family = 'dose') "
            "ON cm.rationale_key = r.rationale_key "
            "LEFT JOIN corpus_left_out l ON l.reply_key = m.reply_key AND l.family_key IN "
            "(SELECT family_key FROM corpus_name_now WHERE family = 'dose') GROUP BY ALL)"
        ).fetchone()
    assert found is not None
    taken, lost, both, total = found
    assert both == 0
    assert taken + lost == total == 95


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_rules_give_the_same_corpora_in_any_order_of_import_and_in_another_process(
    filled: Store, store_path: Path, seed: int
) -> None:
    flags = {"cells.dataset": ["own"], "common": True, "equal": {}, "chains.k": 1, "chains.by": "random"}
    flags |= {"near_duplicates": {}, "decontaminate": {}, "validation.share": 0.2, "controls": CONTROLS}
    rules = load_rules(None, flags)
    here = create_corpora(filled, f"same{seed}", rules)
    other = Store.open(store_path)
    fill(other, shuffled_by=seed)
    script = (
        "import json, sys; from pathlib import Path; from cotdistill.store.store import Store\n"
        "from cotdistill.store.corpus_create import create_corpora; from cotdistill.store.corpus_rules import Rules\n"
        "made = create_corpora(Store(Path(sys.argv[1])), sys.argv[2], Rules.model_validate_json(sys.argv[3]))\n"
        "print(json.dumps([(m.name, m.corpus_hash, m.manifest) for m in made]))"
    )
    arguments = [sys.executable, "-c", script, str(store_path), f"same{seed}", rules.model_dump_json()]
    there = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
    assert [[m.name, m.corpus_hash, json.loads(json.dumps(m.manifest))] for m in here] == there


CONTROLS = [{"kind": "answer-only"}, {"kind": "shuffled", "of": 3}, {"kind": "padded", "of": 1, "to": 3}]


def test_control_arms_keep_questions_and_answers_and_are_read_back_as_written(filled: Store) -> None:
    rules = load_rules(None, {"cells.level": [1, 3], "common": True, "controls": CONTROLS})
    made = create_corpora(filled, "ctl", rules)
    assert [one.name for one in made] == ["ctl/1", "ctl/3", "ctl/1-answer-only", "ctl/3-shuffled", "ctl/1-padded-to-3"]
    plain1, plain3, answers, padded, shuffled = load_corpora(filled, ["ctl"])
    asked = [r.question_key for r in plain1.rows]
    assert all([r.question_key for r in c.rows] == asked for c in (plain3, answers, shuffled, padded))
    for row in (*answers.rows, *shuffled.rows, *padded.rows):
        assert grade(row.completion, QUESTIONS[KEYS[row.question_key]]).status == "correct"
    assert {r.completion for r in answers.rows} == {f"The answer is {QUESTIONS[KEYS[k]].gold}" for k in asked}
    for row, own in zip(shuffled.rows, plain3.rows, strict=True):
        assert row.completion != own.completion
        assert row.completion.split("The answer")[1] == own.completion.split("The answer")[1]
    for row, target in zip(padded.rows, plain3.rows, strict=True):
        assert 0 <= count_tokens(target.completion) - count_tokens(row.completion) <= 1
    assert [c.cell for c in (answers, shuffled, padded)] == [None] * 3
    with filled.read() as con:
        donors = con.execute(
            "SELECT count(donor_rationale_key) FROM corpus_row WHERE corpus_hash = ?", [shuffled.corpus_hash]
        ).fetchone()
        axes = con.execute(
            "SELECT arm, teacher, level, format, control FROM corpus_name_now WHERE family = 'ctl' "
            "AND control IS NOT NULL ORDER BY arm"
        ).fetchall()
    assert donors == (len(asked),)
    assert axes == [
        ("1-answer-only", "me", None, "answer-only", "answer-only"),
        ("1-padded-to-3", "me", None, None, "padded"),
        ("3-shuffled", "me", None, None, "shuffled"),
    ]


def test_contaminated_and_nearly_repeated_rows_are_reported_with_what_they_match(filled: Store) -> None:
    rules = load_rules(None, {"cells.level": [2], "decontaminate": {}, "near_duplicates.threshold": 0.75})
    [made] = create_corpora(filled, "clean", rules)
    with filled.read() as con:
        rows = con.execute(
            "SELECT l.question_key, l.sample_index, l.rule, l.similarity, l.match_question_key, l.match_reply_key "
            "FROM corpus_left_out l JOIN corpus_name_now n ON n.family_key = l.family_key AND n.name = 'clean' "
            "WHERE l.match_question_key IS NOT NULL ORDER BY ALL"
        ).fetchall()
    template = {(KEYS[r[0]], r[1]): r[4] for r in rows if r[2] == "same-template"}
    # 4 with other numbers is held out, and 16 is 4 with other numbers; 3 itself is held out, and 15 is like it
    near = {4: EXAM[1].key, 15: EXAM[0].key, 16: EXAM[1].key}
    assert template == {(i, sample): key for i, key in near.items() for sample in (0, 1)}
    repeats = [r for r in rows if r[2] == "near duplicate"]
    assert {(KEYS[r[0]], r[1]) for r in repeats} == {(i, 1) for i in range(24) if i not in (3, *near)}
    assert all(r[4] == r[0] and r[5].endswith("-0") and r[3] >= 0.75 for r in repeats)
    assert made.n_rows == 20


def test_levels_by_length_and_a_mix_remember_where_rows_came_from(filled: Store) -> None:
    flags = {"cells.dataset": ["own"], "chains.k": 1, "relevel": {}, "common": True}
    create_corpora(filled, "re", load_rules(None, flags))
    corpora = load_corpora(filled, ["re"])
    assert [{r.level for r in c.rows} for c in corpora] == [{1}, {2}, {3}]
    flags = {"cells.level": [1, 3], "common": True, "mix": {"by": "level", "shares": {"3": 1, "1": 4}}}
    [mix] = create_corpora(filled, "mix", load_rules(None, flags))
    levels = [r.level for r in load_corpus(filled, "mix").rows]
    assert (levels.count(3), levels.count(1)) == (4, 17)
    assert mix.left_out["beyond its share of the mix"] == 21
    assert mix.manifest["counts"]["parts"] == {"1": 17, "3": 4}


def test_a_name_is_kept_unless_it_is_given_away(filled: Store) -> None:
    first = create_corpora(filled, "kept", load_rules(None, {"cells.level": [1]}))
    again = create_corpora(filled, "kept", load_rules(None, {"cells.level": [1]}))
    assert (first[0].is_new, again[0].is_new) == (True, False)
    other = load_rules(None, {"cells.level": [3]})
    with pytest.raises(ConfigError, match=r"there is a corpus kept already \(kept\), and it was made by other rules"):
        create_corpora(filled, "kept", other)
    create_corpora(filled, "kept", other, replace=True)
    assert {r.level for r in load_corpus(filled, "kept").rows} == {3}
    assert {r.level for r in load_corpus(filled, first[0].corpus_hash[:10]).rows} == {1}
    create_corpora(filled, "kept", load_rules(None, {"cells.level": [1]}), replace=True)
    assert {r.level for r in load_corpus(filled, "kept").rows} == {1}


def test_a_named_corpus_of_the_same_rows_is_the_implicit_one(filled: Store) -> None:
    [cell] = select_cells(filled, levels=[3])
    assert (
        create_corpora(filled, "three", load_rules(None, {"cells.level": [3]}))[0].corpus_hash
        == implicit_corpus(filled, cell).corpus_hash
    )


def test_what_cannot_be_is_said(filled: Store) -> None:
    with pytest.raises(ConfigError, match="no row is left for corpus none: 23 verdict correct, 1 in a test split"):
        create_corpora(filled, "none", load_rules(None, {"cells.level": [3], "verdict": "wrong"}))
    with pytest.raises(ConfigError, match=r"no cell of .* matches --level 9"):
        create_corpora(filled, "none", load_rules(None, {"cells.level": [9]}))
    with pytest.raises(ConfigError, match="no cell with gold_visible yes; those chosen have: no"):
        create_corpora(filled, "none", load_rules(None, {"cells.gold_visible": ["yes"]}))
    with pytest.raises(ConfigError, match="control padded of level 1: no compared corpus of level 2"):
        create_corpora(
            filled,
            "none",
            load_rules(None, {"cells.level": [1, 3], "controls": [{"kind": "padded", "of": 1, "to": 2}]}),
        )
    with pytest.raises(
        ConfigError, match=r"no corpus 'nothing' in this store. It has: .*Next: cotdistill corpus create"
    ):
        load_corpus(filled, "nothing")
    create_corpora(filled, "dose", DOSE)
    with pytest.raises(ConfigError, match="dose is 3 corpora"):
        load_corpus(filled, "dose")
    with pytest.raises(ConfigError, match="so does --level"):
        named_corpora(filled, "dose", {"dataset": None, "level": "1"})


def test_another_machines_corpora_come_home_with_their_names(filled: Store, tmp_path: Path) -> None:
    create_corpora(filled, "dose", DOSE)
    home = Store.open(tmp_path / "home.duckdb")
    merge(home, filled.path)
    assert [c.corpus_hash for c in load_corpora(home, ["dose"])] == [
        c.corpus_hash for c in load_corpora(filled, ["dose"])
    ]
    assert not any(one.is_new for one in create_corpora(home, "dose", DOSE))


def test_wrong_rationales_can_be_chosen_on_purpose(filled: Store) -> None:
    [made] = create_corpora(filled, "wrong", load_rules(None, {"cells.dataset": ["own"], "verdict": "wrong"}))
    assert [r.completion for r in load_corpus(filled, "wrong").rows] == ["The answer is 0"]
    assert made.left_out["verdict correct"] == 90
    assert made.manifest["empty_cells"] == ["own, me, level 2, original", "own, me, level 3, original"]
    with pytest.raises(ConfigError, match=r"no common block: of \(own, me, level 2, original\), \(own, me, level 3"):
        create_corpora(filled, "none", load_rules(None, {"verdict": "wrong", "common": True}))


def test_no_rules_let_a_test_question_in(filled: Store) -> None:
    for name, flags in {
        "a": {"verdict": "any"},
        "b": {"relevel": {}},
        "c": {"controls": [{"kind": "shuffled"}]},
    }.items():
        create_corpora(filled, f"leak-{name}", load_rules(None, flags))
    with filled.read() as con:
        leaks = con.execute(
            "SELECT count(*) FROM corpus_member m JOIN question q USING (question_key) "
            "WHERE q.text_key IN (SELECT text_key FROM question WHERE split <> 'train')"
        ).fetchone()
        donated = con.execute(
            "SELECT count(*) FROM corpus_member m JOIN rationale r ON r.rationale_key = m.donor_rationale_key "
            "JOIN reply p USING (reply_key) JOIN question q ON q.question_key = p.question_key "
            "WHERE q.text_key IN (SELECT text_key FROM question WHERE split <> 'train')"
        ).fetchone()
    assert (leaks, donated) == ((0,), (0,))


def test_defaults_choose_every_cell(filled: Store) -> None:
    assert len(create_corpora(filled, "all", Rules())) == 3


def test_faulty_rationales_are_left_out_audited_first_and_their_rule_is_told(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, QUESTIONS[:6])
    cell = Cell("own", "me", Recipe(3, "original", "no", "1"))
    spoilt = {1: lambda text: "<|assistant|> " + text, 2: lambda text: "The answer is 1. " + text}
    members, replies = [], []
    for i, q in enumerate(QUESTIONS[:6]):
        key = f"r{i}"
        text = spoilt.get(i, str)(rationale(q, 3))
        members.append({"cell_key": cell.key, "question_key": q.key, "sample_index": 0, "reply_key": key})
        reply = {"reply_key": key, "question_key": q.key, "teacher": "me", "status": "ok", "text": text}
        replies.append(reply | {"sample_index": 0, "redo": 0, "received_at": "2026-01-01T00:00:00"})
    with store.write() as con:
        store.insert(con, "cell", [cell.row()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
    store.settle()

    def chosen(name: str, faults: list[str]) -> set[int]:
        [made] = create_corpora(store, name, load_rules(None, {"exclude_faults": faults}))
        return {KEYS[row.question_key] for row in load_corpus(store, made.name).rows}

    assert chosen("tagless", ["template-residue"]) == {0, 2, 3, 4, 5}
    assert chosen("sound", ["all"]) == {0, 3, 4, 5}
    with store.read() as con:
        told = con.execute(
            "SELECT l.reply_key, l.rule FROM corpus_left_out l JOIN corpus_name_now n ON n.family_key = l.family_key "
            "WHERE n.name = 'sound' ORDER BY ALL"
        ).fetchall()
    assert [(reply, "residue" in rule or "two-answers" in rule) for reply, rule in told] == [("r1", True), ("r2", True)]
    with pytest.raises(ConfigError, match="no fault is called 'boredom'"):
        create_corpora(store, "none", load_rules(None, {"exclude_faults": ["boredom"]}))


def test_teachers_are_mixed_by_share(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, QUESTIONS[:12])
    cells = {name: Cell("own", name, Recipe(3, "original", "no", "1")) for name in ("ann", "bob")}
    members, replies = [], []
    for name, cell in cells.items():
        for q in QUESTIONS[:12]:
            key = f"{name}-{q.key}"
            members.append({"cell_key": cell.key, "question_key": q.key, "sample_index": 0, "reply_key": key})
            reply = {"reply_key": key, "question_key": q.key, "teacher": name, "status": "ok", "text": rationale(q, 3)}
            replies.append(reply | {"sample_index": 0, "redo": 0, "received_at": "2026-01-01T00:00:00"})
    with store.write() as con:
        store.insert(con, "cell", [cell.row() for cell in cells.values()])
        store.insert(con, "cell_member", members)
        store.insert(con, "reply", replies)
    store.settle()
    [made] = create_corpora(store, "both", load_rules(None, {"mix": {"by": "teacher", "shares": {"ann": 1, "bob": 3}}}))
    taught = [row.teacher for row in load_corpus(store, made.name).rows]
    assert (taught.count("ann"), taught.count("bob")) in {(3, 9), (4, 12)}
