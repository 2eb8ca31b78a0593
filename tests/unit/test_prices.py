"""Dollars of single calls, each sum worked by hand from the list price and the usage that the provider sends."""

from datetime import date

import pytest

from cotdistill.clients.budget import Cost, cost_of, most
from cotdistill.clients.openai_chat import ChatAdapter
from cotdistill.clients.openai_responses import ResponsesAdapter
from cotdistill.clients.prices import Price
from cotdistill.errors import RateLimited, Unavailable
from cotdistill.gen.teachers import load_registry
from cotdistill.tasks.values import Message, Usage

REGISTRY = load_registry()


def price(name: str) -> Price:
    found = REGISTRY[name].price
    assert found is not None
    return found


# per million: gpt-4o 2.50 in, 1.25 cached, 10 out; gpt-6.1-terra 1.00 in, 0.05 cached, 1.25 written, 5 out;
# gpt-6-luna 0.10 in, 0.01 cached, 0.125 written, 0.50 out. Half in a batch.
@pytest.mark.parametrize(
    ("name", "usage", "usd"),
    [
        ("gpt-4o", Usage(1_000, 500), 0.0025 + 0.005),
        ("gpt-4o", Usage(2_000, 100, None, 1_024), 976 * 2.5e-6 + 1_024 * 1.25e-6 + 100 * 1e-5),
        # 1,500 prompt tokens: 1,024 read, 400 written, 76 plain; 900 out, of which 700 are reasoning, not billed again
        (
            "gpt-6.1-terra",
            Usage(1_500, 900, 700, 1_024, 400),
            76 * 1e-6 + 1_024 * 0.05e-6 + 400 * 1.25e-6 + 900 * 5e-6,
        ),
        ("gpt-6-luna", Usage(1_200, 0, 0, 0, 1_200), 0.00015),
        ("gemini-3.8-flash", Usage(4_096, 200, 150, 4_000), 96 * 0.75e-6 + 4_000 * 0.075e-6 + 200 * 3.75e-6),
        # more read and written than there were: nothing is billed twice, nothing below zero
        ("gpt-6.1-terra", Usage(100, 0, 0, 80, 80), 80 * 0.05e-6 + 20 * 1.25e-6),
    ],
)
def test_one_call(name: str, usage: Usage, usd: float) -> None:
    assert price(name).usd(usage) == pytest.approx(usd, rel=1e-12)


def test_a_batch_is_half_and_what_is_not_listed_there_costs_as_input() -> None:
    usage = Usage(1_500, 900, 700, 1_024, 400)
    terra = price("gpt-6.1-terra").batch()
    assert terra is not None
    assert terra.usd(usage) == pytest.approx(76 * 0.5e-6 + 1_024 * 0.025e-6 + 400 * 0.625e-6 + 900 * 2.5e-6, rel=1e-12)
    older = price("gpt-4o").batch()
    assert older is not None
    assert older.usd(Usage(2_000, 100, None, 1_024)) == pytest.approx(2_000 * 1.25e-6 + 100 * 5e-6, rel=1e-12)
    assert Price(1.0, 2.0, date(2026, 1, 1)).batch() is None


def test_usage_that_was_not_said_costs_nobody_knows_what() -> None:
    assert price("gpt-4o").usd(Usage(10, None)) is None
    assert price("gpt-4o").usd(Usage(None, 10)) is None


def test_what_is_reserved_covers_a_prompt_that_is_written_to_the_cache() -> None:
    text = "x" * 3_000
    reserved = most(price("gpt-6.1-terra"), [Message("user", text)], 100)
    billed = price("gpt-6.1-terra").usd(Usage(3_000, 100, 0, 0, 3_000))
    assert billed is not None
    assert billed <= reserved
    assert reserved == pytest.approx(3_016 * 1.25e-6 + 100 * 5e-6, rel=1e-12)


def test_cache_writes_are_read_where_the_providers_say_them() -> None:
    details = {"cached_tokens": 1, "cache_write_tokens": 2}
    chat = ChatAdapter("http://x/v1", "k", "m", official=True).parse(
        {
            "choices": [{"message": {"content": "a"}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": details},
        }
    )
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    responses = ResponsesAdapter("http://x/v1", "k", "m").parse(
        {
            "status": "completed",
            "output": [message],
            "usage": {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": details},
        }
    )
    assert chat.usage == responses.usage == Usage(9, 3, None, 1, 2)


def test_prices_carry_their_date_and_reads_are_never_dearer_than_writes() -> None:
    for teacher in REGISTRY.values():
        listed = teacher.price
        if listed is None or teacher.provider == "builtin":
            continue
        assert listed.listed_on.year >= 2026, teacher.name
        assert (listed.cached_input or 0) < listed.input <= (listed.cache_write or listed.input), teacher.name


def test_what_a_call_cost_and_where_the_figure_is_from() -> None:
    listed, used = Price(2.0, 10.0, date(2026, 1, 1)), Usage(20, 9)
    assert cost_of(listed, 0.5, free=True, usage=used) == Cost(0.0, "free")
    assert cost_of(listed, 0.5, free=False, usage=used) == Cost(pytest.approx((20 * 2 + 9 * 10) / 1e6), "usage")
    assert cost_of(listed, 0.5, free=False, usage=Usage(None, None)) == Cost(0.5, "reserved")
    assert cost_of(listed, 0.5, free=False, error=RateLimited("slow down", http_status=429)) == Cost(0.0, "free")
    assert cost_of(listed, 0.5, free=False, error=Unavailable("cut off")) == Cost(0.5, "reserved")
    assert cost_of(None, 0.0, free=False, usage=used) == Cost(None, "unpriced")
