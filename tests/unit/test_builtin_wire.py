"""Reading a recipe from messages, and the faults on order, without sockets."""

import json

import pytest

from cotdistill.errors import ConfigError
from cotdistill.gen.builtin import wire
from cotdistill.gen.builtin.faults import parse_faults
from cotdistill.gen.prompts import ANSWER_ONLY, FORMATS, PROMPT_VERSION, build
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.realised import count_tokens
from cotdistill.tasks.values import Recipe

QUESTION = arith.questions("train", 1)[0]


@pytest.mark.parametrize("gold_visible", ["no", "yes"])
@pytest.mark.parametrize("format", FORMATS)
def test_the_shipped_prompts_say_what_is_wanted(format: str, gold_visible: str) -> None:
    for level in (None,) if format == ANSWER_ONLY else range(1, 7):
        system, user = build(QUESTION, Recipe(level, format, gold_visible, PROMPT_VERSION))
        assert wire.recipe_of(system.content) == (level or wire.DEFAULT_LEVEL, format)
        assert wire.question_of(user.content) == QUESTION.text


def test_lenient_reading() -> None:
    assert wire.recipe_of("You are helpful.") == (3, "original")
    assert wire.recipe_of("granularity: LEVEL 5 of 6\nFORMAT: Least-to-Most") == (5, "least-to-most")
    assert wire.question_of("Tom has 4 pens.") == "Tom has 4 pens."
    assert (
        wire.question_of("Please solve.\nQuestion: Tom has\n4 pens. \n\nThe correct answer is 4.") == "Tom has\n4 pens."
    )


def _ask(**changes: object) -> dict:
    messages = [{"role": "user", "content": f"Question:\n{QUESTION.text}"}]
    return json.loads(wire.complete(json.dumps({"model": "builtin-strict", "messages": messages, **changes}).encode()))


def test_max_tokens_cuts_and_says_so() -> None:
    whole = _ask()["choices"][0]
    n_tokens = count_tokens(whole["message"]["content"])
    for limit in range(1, n_tokens):
        answer = _ask(max_tokens=limit)
        cut = answer["choices"][0]
        assert cut["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == count_tokens(cut["message"]["content"]) == limit
        assert whole["message"]["content"].startswith(cut["message"]["content"])
    assert _ask(max_completion_tokens=n_tokens)["choices"][0] == whole
    assert whole["finish_reason"] == "stop"


def test_seed_and_choices_vary_the_diverse_teacher() -> None:
    texts = {_ask(model="builtin-diverse", seed=s)["choices"][0]["message"]["content"] for s in range(20)}
    assert len(texts) > 5
    many = _ask(model="builtin-diverse", n=20)["choices"]
    assert [c["index"] for c in many] == list(range(20))
    assert len({c["message"]["content"] for c in many}) > 5
    again = _ask(model="builtin-diverse", n=20)
    assert again["choices"] == many


def test_what_it_cannot_solve_is_a_polite_reply() -> None:
    answer = _ask(messages=[{"role": "user", "content": [{"type": "text", "text": "Who wrote Hamlet?"}]}])
    assert answer["choices"][0]["message"]["content"].startswith("I cannot solve this.")


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": "gpt-4o"}, 404, "model"),
        ({"messages": []}, 400, "messages"),
        ({"messages": ["hello"]}, 400, "messages[0]"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "messages[0].content"),
        ({"stream": True}, 400, "stream"),
        ({"n": 0}, 400, "n"),
        ({"max_tokens": "many"}, 400, "max_tokens"),
        ({"seed": 1.5}, 400, "seed"),
    ],
)
def test_bad_calls(changes: dict, status: int, param: str) -> None:
    with pytest.raises(wire.BadCall) as caught:
        _ask(**changes)
    assert (caught.value.status, caught.value.param) == (status, param)
    assert json.loads(caught.value.body())["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_bodies_that_are_no_json_object(body: bytes) -> None:
    with pytest.raises(wire.BadCall) as caught:
        wire.complete(body)
    assert caught.value.status == 400


def test_faults_come_in_their_shares_and_in_the_same_order() -> None:
    spec = "500:0.05, 429:0.1,hang:0.005,cut:0.02,latency:0.2"
    faults, same = parse_faults(spec, 1), parse_faults(spec, 1)
    drawn = [faults.next() for _ in range(20_000)]
    assert drawn == [same.next() for _ in range(20_000)]
    assert faults.latency_s == 0.2
    for name, share in {"500": 0.05, "429": 0.1, "hang": 0.005, "cut": 0.02, None: 0.825}.items():
        assert abs(drawn.count(name) / 20_000 - share) < 0.01
    assert parse_faults(None, 1).next() is None


@pytest.mark.parametrize("spec", ["500", "200:0.1", "explode:0.1", "500:2", "hang:-1", "500:0.6,429:0.6", "cut:x"])
def test_bad_fault_specifications(spec: str) -> None:
    with pytest.raises(ConfigError, match="--faults"):
        parse_faults(spec, 1)
