"""What each provider's word for the end of a reply means for the reply."""

import pytest

from cotdistill.clients.gemini import GeminiAdapter
from cotdistill.clients.openai_chat import ChatAdapter
from cotdistill.clients.openai_responses import ResponsesAdapter
from cotdistill.gen.rows import reply_status
from cotdistill.tasks.values import Completion, Usage

GEMINI = GeminiAdapter("http://x", "k", "m")
CHAT = ChatAdapter("http://x/v1", "k", "m", official=False)
RESPONSES = ResponsesAdapter("http://x/v1", "k", "m")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("STOP", "ok"),
        ("FINISH_REASON_UNSPECIFIED", "ok"),
        ("MAX_TOKENS", "truncated"),
        ("CONTINUATION", "truncated"),
        *(
            (word, "filtered")
            for word in ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")
        ),
        *((word, "filtered") for word in ("ESCALATION", "MODEL_ARMOR")),
        *((word, "malformed") for word in ("OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")),
        *((word, "malformed") for word in ("TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE")),
    ],
)
def test_geminis_words(reason: str, status: str) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": reason}]}
    assert reply_status(GEMINI.parse(body)) == status
    if status != "ok":
        assert reply_status(GEMINI.parse({"candidates": [{"finishReason": reason}]})) == status


def test_every_word_that_google_knows_is_one_of_these() -> None:
    """A word that is added to the SDK's list is to be looked at. Images are not asked for; the last is an account's."""
    from google.genai.types import FinishReason

    known = {str(mark.args[1][i][0]) for mark in test_geminis_words.pytestmark for i in range(len(mark.args[1]))}
    images = {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "NO_IMAGE", "IMAGE_RECITATION"}
    assert {reason.value for reason in FinishReason} <= known | images | {"PUP_LIMITED_DISABLED"}


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("stop", "ok"),
        (None, "ok"),
        ("eos_token", "ok"),
        ("length", "truncated"),
        ("content_filter", "filtered"),
        ("tool_calls", "malformed"),
        ("abort", "malformed"),
        ("error", "malformed"),
    ],
)
def test_chat_servers_words(reason: str | None, status: str) -> None:
    assert reply_status(CHAT.parse({"choices": [{"message": {"content": "a"}, "finish_reason": reason}]})) == status


@pytest.mark.parametrize(
    ("why", "status"),
    [
        ("max_output_tokens", "truncated"),
        ("content_filter", "filtered"),
        ("max_tool_calls", "malformed"),
        (None, "malformed"),
    ],
)
def test_incomplete_responses(why: str | None, status: str) -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    body = {"status": "incomplete", "incomplete_details": why and {"reason": why}, "output": [message]}
    assert reply_status(RESPONSES.parse(body)) == status


def test_a_text_of_blanks_is_empty_and_a_refusal_is_one() -> None:
    assert reply_status(Completion(" \n", None, "stop", None, Usage())) == "empty"
    said = {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}
    assert reply_status(CHAT.parse(said)) == "refused"
