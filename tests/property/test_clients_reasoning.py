"""Think blocks are cut out of a reply without losing or doubling a character of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cotdistill.clients.reasoning import TAG, join_reasoning, pieces, split_reasoning

WORDS = [
    "<think>",
    "</think>",
    "<THINK>",
    "</Thinking >",
    "<thinking>",
    "<thin",
    "k>",
    "</",
    "a",
    "9 < 10",
    " ",
    "\n\n",
    "",
]
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=12).map("".join))


@given(TEXTS)
@example("<think>a</think>b<think>")
@example("</think></think>")
def test_nothing_is_lost_or_doubled(text: str) -> None:
    cut = pieces(text)
    assert "".join(piece.text for piece in cut) == text
    assert all(piece.text for piece in cut)
    assert all(TAG.fullmatch(piece.text) for piece in cut if piece.kind == "tag")
    visible, reasoning = split_reasoning(text)
    assert visible.strip() == "".join(piece.text for piece in cut if piece.kind == "visible").strip()
    kept = "".join((reasoning or "").split())
    assert kept == "".join("".join(piece.text for piece in cut if piece.kind == "thought").split())


@given(st.text(max_size=40).filter(lambda text: not TAG.search(text)))
def test_a_text_without_tags_is_untouched(text: str) -> None:
    assert split_reasoning(text) == (text, None)


@given(st.lists(st.text("ab \n<9", max_size=8), min_size=1, max_size=4), st.text("ab \n9", max_size=8))
def test_what_was_put_between_tags_comes_back(thoughts: list[str], answer: str) -> None:
    text = "".join(f"<think>{thought}</think>" for thought in thoughts) + answer
    wanted = "\n\n".join(thought.strip() for thought in thoughts if thought.strip()) or None
    assert split_reasoning(text) == (answer.strip(), wanted)


@pytest.mark.parametrize(
    ("text", "visible", "reasoning"),
    [
        (" \n<think>\nx\n</think>\n\ny", "y", "x"),
        ("<think>cut off by the lim", "", "cut off by the lim"),
        ("opened in the prompt</think>y", "y", "opened in the prompt"),
        ("a <think>b</think> c <think>d</think> e", "a  c  e", "b\n\nd"),
        ("<think>a</think>b<think>cut", "b", "a\n\ncut"),
        ("the tag <think> is not a block", "the tag <think> is not a block", None),
        ("<think>I may use <think> here</think>c", "c", "I may use <think> here"),
        ("a</think>b</think>c", "b</think>c", "a"),
        ("<think></think>y", "y", None),
        ("<Think>x</THINK>y", "y", "x"),
    ],
)
def test_examples(text: str, visible: str, reasoning: str | None) -> None:
    assert split_reasoning(text) == (visible, reasoning)


def test_traces_of_several_places_are_joined_in_order() -> None:
    assert join_reasoning("a", None, " ", "b") == "a\n\nb"
    assert join_reasoning(None, "") is None
