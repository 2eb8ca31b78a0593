"""Decoders on the real `tiny` by transformers: samples with seeds of their own, beams, stop strings, full contexts."""

from collections import Counter
from pathlib import Path

import pytest

from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.engine import Asked, Generated
from cotdistill.evaluate.transformers_engine import TransformersEngine
from cotdistill.tasks.datasets import arith
from cotdistill.train import students

N = 12
SAMPLE = Decoder("sample", 16, temperature=1.0, top_p=0.9, seed=7)


@pytest.fixture(scope="module")
def engine() -> TransformersEngine:
    return TransformersEngine(Path(students.locate(students.resolve_student("tiny"))), template="plain")


@pytest.fixture(scope="module")
def prompts(engine: TransformersEngine) -> list[str]:
    return [engine.render(question.text) for question in arith.questions("test", N)]


def said(engine: TransformersEngine, asked: list[Asked]) -> dict[int, Generated]:
    found = [answer for batch in engine.answer(asked) for answer in batch]
    assert len(found) == len(asked)
    return {answer.index: answer for answer in found}


def test_a_sample_does_not_depend_on_what_is_asked_beside_it(engine: TransformersEngine, prompts: list[str]) -> None:
    asked = [Asked(prompt, SAMPLE, sample_index=i) for prompt in prompts for i in range(3)]
    together = said(engine, asked)
    alone = said(engine, asked[4:5])
    assert alone[0].text == together[4].text
    assert {i: a.text for i, a in said(engine, asked).items()} == {i: a.text for i, a in together.items()}
    other = said(engine, [Asked(a.prompt, Decoder("sample", 16, temperature=1.0, top_p=0.9, seed=8)) for a in asked])
    assert [other[i].text for i in other] != [together[i].text for i in other]
    texts = [together[i].text for i in range(3)]
    assert len(set(texts)) > 1  # samples of one question differ


def test_draws_follow_the_models_own_probabilities(engine: TransformersEngine, prompts: list[str]) -> None:
    """600 first tokens at temperature 1 against the softmax of the logits, by a chi-square over the likely ones."""
    import torch

    from cotdistill.tasks import templates

    decoder = Decoder("sample", 1, temperature=1.0, top_p=1.0, seed=1)
    asked = [Asked(prompts[0], decoder, sample_index=i) for i in range(600)]
    counted = Counter(answer.text for answer in said(engine, asked).values())
    ids = torch.tensor([templates.encode(engine.tokenizer, prompts[0])])
    with torch.inference_mode():
        shares = engine.model(ids).logits[0, -1].softmax(-1)
    by_text: Counter[str] = Counter()
    for token, share in enumerate(shares.tolist()):
        text = "" if token in engine.stops else engine.tokenizer.decode([token], skip_special_tokens=True)
        by_text[text] += share  # type: ignore[assignment]
    likely = [text for text, share in by_text.items() if share * 600 >= 5]
    rest = 1 - sum(by_text[text] for text in likely)
    chi2 = sum((counted[text] - 600 * by_text[text]) ** 2 / (600 * by_text[text]) for text in likely)
    if rest * 600 >= 5:
        n_rest = 600 - sum(counted[text] for text in likely)
        chi2 += (n_rest - 600 * rest) ** 2 / (600 * rest)
    from scipy.stats import chi2 as distribution

    assert distribution.sf(chi2, max(1, len(likely))) > 1e-4


def test_a_beam_is_at_least_as_likely_as_the_greedy_answer(engine: TransformersEngine, prompts: list[str]) -> None:
    """By the model's own likelihood per token, which is what beam search maximises."""
    import torch

    from cotdistill.tasks import templates

    def likelihood(prompt: str, text: str) -> float:
        head = templates.encode(engine.tokenizer, prompt)
        tail = templates.encode(engine.tokenizer, f"{text}{engine.template.end}")
        with torch.inference_mode():
            scores = engine.model(torch.tensor([head + tail])).logits[0].log_softmax(-1)
        return sum(float(scores[len(head) + i - 1, t]) for i, t in enumerate(tail)) / len(tail)

    greedy = said(engine, [Asked(p, Decoder("greedy", 60)) for p in prompts])
    beams = said(engine, [Asked(p, Decoder("beam", 60, beams=5)) for p in prompts])
    ended = [i for i in range(N) if greedy[i].finish_reason == beams[i].finish_reason == "stop"]
    assert len(ended) >= 3
    better = [
        likelihood(prompts[i], beams[i].text) >= likelihood(prompts[i], greedy[i].text) - 1e-4
        for i in ended
        if beams[i].text != greedy[i].text
    ]
    assert sum(better) >= 0.8 * len(better)


def test_a_stop_string_ends_an_answer_and_is_not_in_it(engine: TransformersEngine, prompts: list[str]) -> None:
    whole = said(engine, [Asked(p, Decoder("greedy", 60)) for p in prompts])
    longest = max((a.text for a in whole.values()), key=len)
    stop = longest[len(longest) // 3 :][:4]  # `tiny` before training says something, if nothing right
    cut = said(engine, [Asked(p, Decoder("greedy", 60, stop=(stop,))) for p in prompts])
    n_stopped = 0
    for i in range(N):
        before, found, _ = whole[i].text.partition(stop)
        assert cut[i].text == before
        if found:
            n_stopped += 1
            assert cut[i].finish_reason == "stop"
            assert (cut[i].completion_tokens or 0) < (whole[i].completion_tokens or 0)
    assert n_stopped > 0


def test_a_prompt_that_fills_the_context_is_said_to_and_one_that_nearly_does_gets_what_is_left(
    engine: TransformersEngine, prompts: list[str]
) -> None:
    long = engine.render("How many? " * 500)
    from cotdistill.tasks import templates

    nearly = long
    while len(templates.encode(engine.tokenizer, nearly)) >= engine.limit - 2:
        nearly = nearly[4:]
    n_nearly = len(templates.encode(engine.tokenizer, nearly))
    found = said(engine, [Asked(p, Decoder("greedy", 40)) for p in (long, prompts[0], nearly)])
    assert (found[0].finish_reason, found[0].text, found[0].completion_tokens) == ("prompt_too_long", "", 0)
    assert (found[0].prompt_tokens or 0) >= engine.limit
    assert found[1].finish_reason in ("stop", "length")
    assert (found[2].completion_tokens or 0) <= engine.limit - n_nearly


def test_an_answer_that_never_ends_is_cut_at_its_limit(engine: TransformersEngine, prompts: list[str]) -> None:
    found = said(engine, [Asked(p, Decoder("greedy", 2)) for p in prompts])
    assert {(a.finish_reason, a.completion_tokens) for a in found.values()} == {("length", 2)}
