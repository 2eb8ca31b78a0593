"""The rules of faults, one by one: hand-made texts that have the fault, and ones that only look like it."""

import pytest

from cotdistill.tasks.faults import RULES, examine
from cotdistill.tasks.intermediate import intermediate_numbers, plain
from cotdistill.tasks.values import Question

SUM = Question("svamp", "train", "Ann has 16 eggs and eats 3. How many are left?", "number", "13")
CHOICE = Question("obqa", "train", "What do skunks have?", "choice", "B", ("a beak", "a strong odor", "wings", "gills"))
TRUTH = Question("stqa", "train", "Was Richard III ruler of Adelaide?", "boolean", "False")
LATEX = Question("math", "train", "Solve $2x = 1$.", "latex", r"\frac{1}{2}")
CHINESE = Question("own", "train", "小明有16个鸡蛋，吃了3个，还剩几个？", "number", "13")


def found(text: str, question: Question = SUM, *, answer_only: bool = False) -> set[str]:
    return set(examine(text, question, answer_only=answer_only).faults)


SOUND = [
    ("Ann has 16 - 3 = 13 eggs left. The answer is 13", SUM),
    ("1. She has 16 eggs.\n2. She eats 3.\n3. That leaves 13.\n\nThe answer is 13.", SUM),
    ("Sixteen less three is thirteen. The answer is 13", SUM),
    ("**Step 1:** 16 - 3 = 13\n\n#### 13", SUM),
    ("Skunks smell badly. The answer is B", CHOICE),
    ("Adelaide was founded in 1836, e.g. long after him, by U.S. standards. The answer is False", TRUTH),
    (r"Halving both sides, $x = \frac{1}{2}$. The answer is \boxed{\frac{1}{2}}", LATEX),
    ("小明原来有16个鸡蛋，吃了3个，所以还剩16 - 3 = 13个。The answer is 13", CHINESE),
]


@pytest.mark.parametrize(("text", "question"), SOUND)
def test_sound_rationales_have_no_fault(text: str, question: Question) -> None:
    assert found(text, question) == set()


def test_every_rule_has_its_fault_here() -> None:
    """A check that cannot fail is none: each rule is found in one text at least, by the tests below."""
    texts = [text for texts in (NO_ANSWER, TWO, UNDERIVED, BARE, CUT, RESIDUE, GLUED) for text, _ in texts]
    seen = set().union(*(found(text, question) for text, question in WITH_FAULTS), found(GERMAN))
    assert seen == set(RULES)
    assert len(texts) > 30


NO_ANSWER = [
    ("There are 80 - 20 = 60 letters. Each has 2, so she needs 30.", SUM),
    ("None of these lives there. The answer is none of the above.", CHOICE),
    ("The answer is <answer>", CHOICE),
    ("Hair grows on skin, so the claim is simply False", TRUTH),
    (r"Halving both sides gives a half, as was to be shown.", LATEX),
]


@pytest.mark.parametrize(("text", "question"), NO_ANSWER)
def test_no_answer(text: str, question: Question) -> None:
    assert "no-answer" in found(text, question)


@pytest.mark.parametrize("text", ["13", "The answer is 13", "13 eggs"])
def test_an_answer_alone_is_enough_where_nothing_else_was_asked(text: str) -> None:
    assert found(text, SUM, answer_only=True) == set()


TWO = [
    ("16 + 3 = 19. The answer is 19. Wait, she eats them: 16 - 3 = 13. The answer is 13", SUM),
    ("They could smell. The answer is C. No, wait, that is wrong. The answer is B", CHOICE),
    ("Read literally, the answer is True. In the end, the answer is False", TRUTH),
    (r"So \boxed{2}? No: \boxed{\frac{1}{2}}, since $2x = 1$", LATEX),
]


@pytest.mark.parametrize(("text", "question"), TWO)
def test_two_answers(text: str, question: Question) -> None:
    assert "two-answers" in found(text, question)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("To find the answer: 1. Take 16. 2. Subtract 3: 13. The answer is 13", SUM),
        ("The first problem's answer is 16. Then 16 - 3 = 13. The answer is 13", SUM),
        ("16 - 3 = 13. The answer is 13. So the answer is 13 eggs.", SUM),
        ("Eliminating answers:\n- A: no. \n- C: no.\nThe answer is B", CHOICE),
        ("The answer is the opposite of gills. The answer is B", CHOICE),
    ],
)
def test_one_answer_said_twice_or_parts_of_it_are_not_two(text: str, question: Question) -> None:
    assert "two-answers" not in found(text, question)


UNDERIVED = [
    ("Subtract the eggs she eats from the eggs she has. The answer is 13", SUM),
    ("16 + 3 = 19 eggs. The answer is 13", SUM),
    ("He had 16 and ate 3, which gives 12.5 or so. The answer is 40", SUM),
    (r"We solve it by looking closely. The answer is \boxed{\frac{1}{2}}", LATEX),
    ("从鸡蛋总数 minus what was eaten. The answer is 13", SUM),
]


@pytest.mark.parametrize(("text", "question"), UNDERIVED)
def test_not_derived(text: str, question: Question) -> None:
    assert "not-derived" in found(text, question)


@pytest.mark.parametrize(
    "text",
    [
        "Take 16 - 3 = ? The answer is 13",
        "Subtract 3 from 16. The answer is 13",
        "16 eggs (bought) - 3 eggs (eaten). The answer is 13",
        "That is (10 + 6) - 3 = ? The answer is 13",
        "A share of 1,300 / 100 each. The answer is 13",
        "She has a dozen and one, thirteen. The answer is 13",
        "It comes to 12.7, rounded up. The answer is 13",
        "0.13 of it, or 13%. The answer is 13",
        "The answer is 16 - 3 = 13. The answer is 13",
        "She eats some of them. The answer is 16 - 3 = 13",
        "total_eggs = 13 The answer is 13",
        "13.0 eggs are left. The answer is 13",
    ],
)
def test_an_answer_in_another_form_is_derived(text: str) -> None:
    assert "not-derived" not in found(text)


def test_words_are_not_looked_for() -> None:
    assert found("They are known for how they smell. The answer is B", CHOICE) == set()
    assert found("He was king of England. The answer is False", TRUTH) == set()


BARE = [
    ("The answer is 13", SUM),
    ("1. The answer is 13.", SUM),
    ("The answer is B: a strong odor", CHOICE),
    ("**The answer is False.**", TRUTH),
]


@pytest.mark.parametrize(("text", "question"), BARE)
def test_no_reasoning(text: str, question: Question) -> None:
    assert found(text, question) == {"no-reasoning"}


@pytest.mark.parametrize(
    "text", ["The answer is 16 - 3 = 13", "16 - 3 = 13. The answer is 13", "50% - 37% = 13%. The answer is 13"]
)
def test_a_formula_is_reasoning(text: str) -> None:
    assert "no-reasoning" not in found(text)


CUT = [
    ("She has 16 eggs and eats 3 of them, which means that the number of", SUM),
    ("She has 16 eggs. She eats 3, so there are 13. The answer is", SUM),
    ("Skunks are known for their smell, so the best of the four choices would", CHOICE),
]


@pytest.mark.parametrize(("text", "question"), CUT)
def test_truncated(text: str, question: Question) -> None:
    assert {"truncated", "no-answer"} <= found(text, question)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("She has 16 eggs and eats 3 of them, so 16 - 3 = 13", SUM),
        ("She has 16 eggs and eats 3 of them. That is all there is to say.", SUM),
        ("She eats three of them. The answer is 13", SUM),
        ("None of the four is right. The answer is none of the above", CHOICE),
        ("It cannot be told from what is given, so it must be False", TRUTH),
    ],
)
def test_whole_texts_are_not_truncated(text: str, question: Question) -> None:
    assert "truncated" not in found(text, question)


RESIDUE = [
    ("<Solution Path> 16 - 3 = 13. The answer is 13", "<Solution Path>"),
    ("16 - 3 = 13.<br>The answer is 13", "<br>"),
    ("<|im_start|>assistant\n16 - 3 = 13. The answer is 13", "<|im_start|>"),
    ("[INST] 16 - 3 = 13 [/INST] The answer is 13", "[INST]"),
    ("### Response:\n16 - 3 = 13. The answer is 13", "### Response:"),
    ("16 - 3 = 13.\nAssistant: The answer is 13", "Assistant:"),
    ("Take {question}: 16 - 3 = 13. The answer is 13", "{question}"),
    ("On [current date] there were 16 - 3 = 13. The answer is 13", "[current date]"),
    ("Sure! Here is the solution: 16 - 3 = 13. The answer is 13", "Sure! Here"),
    ("As an AI language model I count 16 - 3 = 13. The answer is 13", "As an AI language model"),
]


@pytest.mark.parametrize(("text", "piece"), RESIDUE)
def test_template_residue(text: str, piece: str) -> None:
    assert piece in examine(text, SUM).faults["template-residue"]


@pytest.mark.parametrize(
    "text",
    [
        "Since 3 < 16 and 16 > 3, 16 - 3 = 13. The answer is 13",
        "If a <b> c then 16 - 3 = 13. The answer is 13",
        r"$\{x\} = \frac{26}{2}$, 16 - 3 = 13. The answer is $\boxed{13}$",
        "## Step 1\n16 - 3 = 13\n## Step 2\nThe answer is 13",
        "The list [3, 16] has the difference 13. The answer is 13",
        "Surely 16 - 3 = 13. The answer is 13",
    ],
)
def test_mathematics_and_markdown_are_no_residue(text: str) -> None:
    assert "template-residue" not in found(text)


def test_a_tag_that_the_question_has_is_no_residue() -> None:
    question = Question("own", "train", "What does the tag <br> do?", "choice", "A", ("breaks a line", "nothing"))
    assert found("The tag <br> breaks a line. The answer is A", question) == set()


GLUED = [
    ("She has 16 - 3 = 13 eggs in total.The answer is 13", 1),
    ("She bought them.Then she ate 3.So 16 - 3 = 13. The answer is 13", 2),
    ("1. She has 16 eggs.2. She eats 3 of them: 16 - 3 = 13. The answer is 13", 1),
    ("1. The eggs: 16.2. Subtract 3 of them: 13. The answer is 13", 1),
    ("x = 16 - 3 = 13The answer is 13", 1),
    ("Is that right?Yes, it is. 16 - 3 = 13. The answer is 13", 1),
    ("It was 2020.As of then 16 - 3 = 13. The answer is 13", 1),
    ("It costs 15 %.Then 16 - 3 = 13. The answer is 13", 1),
]


@pytest.mark.parametrize(("text", "places"), GLUED)
def test_lost_newlines(text: str, places: int) -> None:
    assert examine(text, SUM).faults["lost-newlines"].startswith(f"{places} place")


@pytest.mark.parametrize(
    "text",
    [
        "The U.S.Army and Ph.D students say 16 - 3 = 13. The answer is 13",
        "Amazon.Com sells them, e.g.The Times says. 16 - 3 = 13. The answer is 13",
        "16.0 - 3.0 = 13.0. The answer is 13",
        "It is 16 vs.The 3, so 13. The answer is 13",
        "11.0 * 9.0 = 99.0. The rest is 13. The answer is 13",
        "So 2A = 26, A = 13. The answer is 13",
        "By 16.5. Half a line, 13 in all. The answer is 13",
        "She has 16.\nShe eats 3.\nSo 13.\nThe answer is 13",
    ],
)
def test_abbreviations_and_decimals_are_not_glued(text: str) -> None:
    assert "lost-newlines" not in found(text)


GERMAN = (
    "Ann hat sechzehn Eier und isst drei. Wir ziehen die drei von den sechzehn ab, dann sind es 13. The answer is 13"
)


@pytest.mark.parametrize(
    ("text", "question", "seen"),
    [
        (GERMAN, SUM, "German instead of English"),
        (
            "Ann a seize œufs et elle en mange trois, donc il en reste 13 pour les autres. The answer is 13",
            SUM,
            "French",
        ),
        ("小明原来有十六个鸡蛋，他吃了三个，所以还剩下13个。The answer is 13", SUM, "ideographs"),
        ("У Анны было 16 яиц, и она съела 3, осталось 13. The answer is 13", SUM, "Cyrillic"),
        ("He has 16 eggs and he eats 3 of them, so 16 - 3 = 13 are left. The answer is 13", CHINESE, "Latin"),
    ],
)
def test_wrong_language(text: str, question: Question, seen: str) -> None:
    assert seen in examine(text, question).faults["wrong-language"]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("16 - 3 = 13. The answer is 13", CHINESE),
        ("Genghis Khan (Чингис) ruled the Mongols; he was never in Adelaide. The answer is False", TRUTH),
        ("∃ x (x = 16 - 3) ∧ x = 13. The answer is 13", SUM),
        ("α + β = 16 and γ = 3, so α + β - γ = 13. The answer is 13", SUM),
        ("total_crackers ÷ friends = crackers_per_friend = 13 The answer is 13", SUM),
        ("Do as they do: 16 less 3 makes 13. The answer is 13", SUM),
    ],
)
def test_formulas_names_and_short_texts_are_in_no_wrong_language(text: str, question: Question) -> None:
    assert "wrong-language" not in found(text, question)


WITH_FAULTS = [
    *NO_ANSWER, *TWO, *UNDERIVED, *BARE, *CUT,
    *((text, SUM) for text, _ in RESIDUE), *((text, SUM) for text, _ in GLUED),
]  # fmt: skip


def test_intermediate_numbers_are_neither_given_nor_the_answer() -> None:
    text = "1. 16 - 3 = 13.\n2. 13 * 2 = 26, and 26.0 + 1,000 = 1026."
    assert intermediate_numbers(text, SUM.text, "1026") == 4  # 13, 2, 26, 1000
    assert intermediate_numbers("Step 1: halve it. Step 2: double it.", SUM.text, "13") == 0
    assert intermediate_numbers("no digits", SUM.text, None) == 0


@pytest.mark.parametrize(
    ("written", "spelled"), [("1,200.50", "1200.5"), ("007", "7"), ("0", "0"), (".5", ".5"), ("3.00", "3")]
)
def test_one_spelling_of_a_number(written: str, spelled: str) -> None:
    assert plain(written) == spelled
