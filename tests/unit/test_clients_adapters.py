"""Corners of the protocols that no ordinary reply shows, read without sockets."""

import json

import pytest

from cotdistill.clients.base import completion_of, status_error
from cotdistill.clients.gemini import GeminiAdapter
from cotdistill.clients.openai_chat import ChatAdapter
from cotdistill.clients.openai_responses import ResponsesAdapter
from cotdistill.clients.said import read_error, redact, retry_after
from cotdistill.clients.traits import Traits
from cotdistill.errors import BadReply, ConfigError, RateLimited, Unavailable
from cotdistill.tasks.values import Message, Sampling, Usage

ASK = (Message("user", "?"),)
RESPONSES = ResponsesAdapter("http://x/v1", "k", "m")
GEMINI = GeminiAdapter("http://x", "k", "m")
COMPATIBLE = ChatAdapter("http://x/v1", "k", "m", official=False)


def message(*texts: str, **more: object) -> dict[str, object]:
    parts = [{"type": "output_text", "text": text} for text in texts]
    return {"type": "message", "role": "assistant", "content": parts, **more}


def test_a_commentary_goes_with_the_trace_and_not_into_the_answer() -> None:
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "S"}], "content": None}
    output = [
        summary,
        message("first I look", phase="commentary"),
        message("The answer", " is 18", phase="final_answer"),
    ]
    got = RESPONSES.parse({"status": "completed", "output": output, "model": "m"})
    assert (got.text, got.reasoning, got.finish_reason) == ("The answer is 18", "S\n\nfirst I look", "stop")
    assert got.usage == Usage()


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_response_that_has_not_ended_is_no_reply(status: str) -> None:
    with pytest.raises(BadReply, match=status):
        RESPONSES.parse({"status": status, "output": []})


@pytest.mark.parametrize(
    "output",
    [["text"], [{"type": "message", "content": ["text"]}], [{"type": "message", "content": [{"type": "output_text"}]}]],
)
def test_output_that_is_not_the_protocols(output: object) -> None:
    with pytest.raises(BadReply):
        RESPONSES.parse({"status": "completed", "output": output})


def test_gemini_parts_without_text_and_zeros_that_are_left_out() -> None:
    parts = [{"text": "a"}, {"inlineData": {}}, {"text": "why", "thought": True}, {"text": "b", "thought": False}]
    body = {
        "candidates": [{"content": {"parts": parts}, "finishReason": "OTHER"}],
        "usageMetadata": {"promptTokenCount": 5},
    }
    got = GEMINI.parse(body)
    assert (got.text, got.reasoning, got.finish_reason) == ("ab", "why", "other")
    assert got.usage == Usage(prompt_tokens=5, completion_tokens=0)
    body["usageMetadata"] = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 40}
    assert GEMINI.parse(body).usage == Usage(5, 42, 40)
    body["usageMetadata"] = {"candidatesTokenCount": 2}
    assert GEMINI.parse(body).usage == Usage()


@pytest.mark.parametrize(
    "body",
    [
        {"candidates": [{}]},
        {"candidates": [{"content": {"parts": [{"text": 3}]}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": "text"}, "finishReason": "STOP"}]},
        {"candidates": "x"},
        {"promptFeedback": {}},
    ],
)
def test_gemini_replies_that_are_none(body: object) -> None:
    with pytest.raises(BadReply):
        GEMINI.parse(body)


def test_a_level_and_a_budget_are_never_sent_together() -> None:
    adapter = GeminiAdapter("http://x", "k", "m", traits=Traits(thinking_budget=100))
    assert adapter.config(Sampling())["thinkingConfig"] == {"thinking_budget": 100}
    assert adapter.config(Sampling(reasoning_effort="low"))["thinkingConfig"] == {"thinking_level": "LOW"}
    with pytest.raises(ConfigError, match="no thinking level 'max'"):
        adapter.config(Sampling(reasoning_effort="max"))


def test_both_traces_of_a_compatible_server_are_kept() -> None:
    said = {"content": "<think>b</think>c", "reasoning_content": "a"}
    got = COMPATIBLE.parse({"choices": [{"message": said, "finish_reason": "stop"}]})
    assert (got.text, got.reasoning) == ("c", "a\n\nb")
    official = ChatAdapter("http://x", "k", "m", official=True)
    assert official.parse({"choices": [{"message": said}]}).text == "<think>b</think>c"


@pytest.mark.parametrize(
    ("body", "message", "codes"),
    [
        ({"error": {"message": "a", "type": "T", "code": "C"}}, "a", {"t", "c"}),
        ({"object": "error", "message": "a", "type": "BadRequestError", "code": 400}, "a", {"badrequesterror"}),
        ({"detail": "Not Found"}, '{"detail": "Not Found"}', set()),
        ([{"error": {"code": 400, "message": "a", "status": "INVALID_ARGUMENT"}}], "a", {"invalid_argument"}),
        ({"error": "a"}, "a", set()),
        ({"error": {"message": "a", "details": "x"}}, "a", set()),
        ([], "[]", set()),
    ],
)
def test_what_error_bodies_say(body: object, message: str, codes: set[str]) -> None:
    said = read_error(json.dumps(body).encode())
    assert (said.message, said.codes) == (message, codes)


def test_the_quota_is_fatal_and_the_rate_is_not() -> None:
    def error(code: str) -> Exception:
        return status_error("http://x", "m", 429, read_error(json.dumps({"error": {"code": code}}).encode()), {})

    assert "no credit left" in str(error("insufficient_quota"))
    assert isinstance(error("insufficient_quota"), ConfigError)
    assert isinstance(error("rate_limit_exceeded"), RateLimited)


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with pytest.raises(ConfigError, match=r"the URL leads elsewhere, give the final one \(HTTP 301\)"):
        completion_of(COMPATIBLE, 301, {"location": "https://elsewhere"}, b"moved")


def test_deep_nesting_is_a_bad_body_and_no_crash() -> None:
    deep = b"[" * 200_000
    with pytest.raises(BadReply):
        completion_of(COMPATIBLE, 200, {}, deep)
    with pytest.raises(Unavailable):
        completion_of(COMPATIBLE, 500, {}, deep)


@pytest.mark.parametrize(
    "text",
    [
        "key a/b+c=d'e used",
        "key a%2Fb%2Bc%3Dd%27e used",
        "key a/b%2Bc%3Dd%27e used",
        'sent {"Authorization": "Bearer a/b+c=d\'e"}',
        "sent x-goog-api-key: a/b+c=d'e",
    ],
)
def test_the_key_is_cut_out_however_it_is_quoted(text: str) -> None:
    assert "[key]" in redact(text, "a/b+c=d'e")
    assert "b+c" not in redact(text, "a/b+c=d'e")
    assert "c%3D" not in redact(text, "a/b+c=d'e")


def test_somebody_elses_bearer_token_is_cut_out_too() -> None:
    assert redact("Authorization: Bearer abc.def", "") == "Authorization: Bearer [key]"
    assert redact("none of these", "none") == "none of these"


def test_retry_after_is_seconds_or_a_date_counted_from_the_servers_own() -> None:
    now, later = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT"
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "7", "retry-after-ms": "1500"}) == 1.5
    assert retry_after({"retry-after": later, "date": now}) == 30.0
    assert retry_after({"retry-after": now, "date": later}) == 0.0
    for headers in ({}, {"retry-after": later}, {"retry-after": "soon", "date": now}, {"retry-after": "nan"}):
        assert retry_after(headers) is None
