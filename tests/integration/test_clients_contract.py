"""The wire transport against the SDKs: the same requests, and the same outcome of every kind of response."""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

import pytest

from cotdistill.errors import BadReply, BadRequest, ConfigError, Error, RateLimited, TeacherError, Unavailable
from cotdistill.gen.teachers import Teacher, connect
from cotdistill.tasks.values import Completion, Message, Sampling, Usage
from cotdistill.tests.servers.canned import Canned, CannedServer, Received
from cotdistill.tests.servers.protocols import PROTOCOLS, Protocol

Transport = Literal["wire", "sdk"]
TRANSPORTS: tuple[Transport, ...] = ("wire", "sdk")
KEY = "sk-planted/8f3a+Zk=Q'\"1"
ASK = (Message("system", "Reason briefly."), Message("user", "What is 9 + 9?"))
HEADERS_THAT_MATTER = (
    *("authorization", "x-goog-api-key", "content-type", "accept", "openai-organization", "openai-project"),
    *("x-server-timeout", "idempotency-key", "x-goog-user-project"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[CannedServer]:
    with CannedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", KEY)


def ask(
    teacher: Teacher,
    url: str,
    transport: Transport,
    messages: tuple[Message, ...] = ASK,
    sampling: Sampling = Sampling(),  # noqa: B008
    deadline_s: float = 20.0,
) -> Completion | Error:
    """What the client returns or raises."""

    async def go() -> Completion:
        async with connect(teacher, base_url=url, transport=transport, deadline_s=deadline_s) as client:
            return await client.complete(messages, sampling)

    try:
        return asyncio.run(go())
    except Error as error:
        return error


# ---- the same request -------------------------------------------------------------------------------------------

MESSAGES = {
    "system": ASK,
    "user only": (Message("user", "Hi"),),
    "conversation": (*ASK, Message("assistant", "18"), Message("user", "And 18 + 9?")),
    "two systems": (Message("system", "A"), Message("system", "B"), Message("user", "Q")),
    "unicode": (Message("system", "用中文回答。"), Message("user", 'é ü 😀 \u2028 \x7f \t "quoted" \\ </s> √2 ≤ 3\n')),
    "long": (Message("user", "Tom has 4 apples. " * 12_000),),
    "empty": (Message("user", ""),),
}
SAMPLINGS = {
    "nothing": Sampling(),
    "temperature": Sampling(temperature=0.0),
    "top_p": Sampling(top_p=0.95),
    "seed": Sampling(seed=7),
    "effort": Sampling(reasoning_effort="low"),
    "max_tokens": Sampling(max_tokens=1024),
    "all": Sampling(temperature=0.7, top_p=0.9, seed=-1, reasoning_effort="high", max_tokens=64),
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in PROTOCOLS},
    "responses with summary": ("responses", {"include_thoughts": True}),
    "gemini with thoughts": ("gemini", {"include_thoughts": True}),
    "gemini with budget": ("gemini", {"include_thoughts": True, "thinking_budget": 512}),
    "gemini without thinking": ("gemini", {"thinking_budget": 0}),
    "gemini tuned": ("gemini", {"model": "tunedModels/mine-1"}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_wire_sends_what_the_sdk_sends(variant: str, server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    name, changes = VARIANTS[variant]
    protocol = PROTOCOLS[name]
    teacher = protocol.teacher.model_copy(update=changes)
    if teacher.provider == "openai":
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_1")
    server.answer = Canned.of(protocol.reply("18"))
    calls = [
        (messages, sampling)
        for m, messages in MESSAGES.items()
        for s, sampling in SAMPLINGS.items()
        if (m == "system" or s == "all") and not (name == "responses" and sampling.seed is not None)
    ]
    calls += [(messages, Sampling(max_tokens=9)) for messages in MESSAGES.values()]

    async def send(transport: Transport) -> list[Received]:
        server.received.clear()
        async with connect(teacher, base_url=server.root + protocol.path, transport=transport) as client:
            for messages, sampling in calls:
                assert (await client.complete(messages, sampling)).text == "18"
        return list(server.received)

    wire, sdk = asyncio.run(send("wire")), asyncio.run(send("sdk"))
    assert len(wire) == len(sdk) == len(calls)
    for ours, theirs in zip(wire, sdk, strict=True):
        assert (ours.method, ours.target) == (theirs.method, theirs.target)
        assert ours.json == theirs.json
        assert {h: ours.headers.get(h) for h in HEADERS_THAT_MATTER} == {
            h: theirs.headers.get(h) for h in HEADERS_THAT_MATTER
        }
        assert ours.key == KEY
    assert KEY not in "".join(request.target for request in wire)


def test_every_option_reaches_the_provider_under_its_name(server: CannedServer) -> None:
    """The contract above compares two clients; this one says what both send."""
    everything = Sampling(temperature=0.7, top_p=0.9, seed=3, reasoning_effort="high", max_tokens=64)
    sent = {}
    for name, protocol in PROTOCOLS.items():
        server.answer = Canned.of(protocol.reply("18"))
        server.received.clear()
        changes = {"include_thoughts": True} if name in ("gemini", "responses") else {}
        sampling = Sampling(0.7, 0.9, None, "high", 64) if name == "responses" else everything
        ask(protocol.teacher.model_copy(update=changes), server.root + protocol.path, "wire", sampling=sampling)
        sent[name] = (server.received[0].target, server.received[0].json)
    chat = {
        "model": "asked-1",
        "messages": [{"role": m.role, "content": m.content} for m in ASK],
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 3,
        "reasoning_effort": "high",
    }
    assert sent["chat"] == ("/v1/chat/completions", chat | {"max_completion_tokens": 64})
    assert sent["compatible"] == ("/v1/chat/completions", chat | {"max_tokens": 64})
    assert sent["responses"] == (
        "/v1/responses",
        {
            "model": "asked-1",
            "instructions": "Reason briefly.",
            "input": [{"role": "user", "content": "What is 9 + 9?"}],
            "temperature": 0.7,
            "top_p": 0.9,
            "max_output_tokens": 64,
            "reasoning": {"effort": "high", "summary": "auto"},
            "store": False,
        },
    )
    assert sent["gemini"] == (
        "/v1beta/models/asked-1:generateContent",
        {
            "systemInstruction": {"parts": [{"text": "Reason briefly."}]},
            "contents": [{"role": "user", "parts": [{"text": "What is 9 + 9?"}]}],
            "generationConfig": {
                "temperature": 0.7,
                "topP": 0.9,
                "seed": 3,
                "maxOutputTokens": 64,
                "thinkingConfig": {"include_thoughts": True, "thinking_level": "HIGH"},
            },
        },
    )


# ---- the same outcome -------------------------------------------------------------------------------------------

USAGE = Usage(prompt_tokens=11, completion_tokens=7, reasoning_tokens=3, cached_tokens=4)
HTML = (("content-type", "text/html"),)


def got(text: str, finish: str = "stop", reasoning: str | None = None, usage: Usage = USAGE) -> Completion:
    return Completion(text, reasoning, finish, "served-1", usage)


def outcomes(p: Protocol) -> dict[str, tuple[Canned, Completion | type[Error]]]:
    """Every canned response and what it must become."""
    big = "Then 1 + 1 = 2. " * 12_800
    table: dict[str, tuple[Canned, Completion | type[Error]]] = {
        "ok": (Canned.of(p.reply("The answer is 18")), got("The answer is 18")),
        "chinese": (Canned.of(p.reply("首先,9 + 9 = 18。答案是 18")), got("首先,9 + 9 = 18。答案是 18")),
        "200 kB": (Canned.of(p.reply(big)), got(big)),
        "length": (Canned.of(p.reply("The ans", finish=p.finish["length"])), got("The ans", "length")),
        "all thought": (
            Canned.of(p.reply("", finish=p.finish["length"], thoughts="Hm")),
            got("", "length", "Hm"),
        ),
        "filtered": (
            Canned.of(p.reply("", finish=p.finish["content_filter"])),
            got("", "content_filter"),
        ),
        "thoughts": (Canned.of(p.reply("18", thoughts="9 and 9")), got("18", reasoning="9 and 9")),
        "wrong usage": (Canned.of(p.reply("18", usage=None)), got("18", usage=Usage())),
        "400": (p.said(400), BadRequest),
        "context length": (p.too_long, BadRequest),
        "401": (p.said(401), ConfigError),
        "bad key": (p.bad_key, ConfigError),
        "402": (p.said(402), ConfigError),
        "403": (p.said(403), ConfigError),
        "404": (p.said(404, "The model `asked-1` does not exist"), ConfigError),
        "408": (p.said(408), Unavailable),
        "409": (p.said(409), Unavailable),
        "413": (p.said(413), BadRequest),
        "422": (p.said(422), BadRequest),
        "429": (p.said(429, retry_after="7"), RateLimited),
        "429 in ms": (p.said(429, retry_after_ms="1500"), RateLimited),
        "429 without": (p.said(429), RateLimited),
        "429 with a date": (p.said(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), RateLimited),
        "no credit": (p.no_credit, ConfigError),
        "500": (p.said(500), Unavailable),
        "503": (p.said(503, retry_after="2"), Unavailable),
        "529": (p.said(529), Unavailable),
        "500 in HTML": (Canned(500, b"<html>Bad gateway</html>", HTML), Unavailable),
        "500 in broken JSON": (Canned(500, b'{"error": {"mess'), Unavailable),
        "400 in broken JSON": (Canned(400, b'{"error": {"mess'), BadRequest),
        "500 without a body": (Canned(500, b""), Unavailable),
        "400 that is a list": (Canned.of([p.error(400, "no", "x")], 400), BadRequest),
        "400 that is a word": (Canned.of("no", 400), BadRequest),
        "400 that is null": (Canned.of(None, 400), BadRequest),
        "error that is a word": (Canned.of({"error": "no"}, 500), Unavailable),
        "malformed JSON": (Canned(200, b'{"choices": [{"mess'), BadReply),
        "empty body": (Canned(200, b""), BadReply),
        "HTML": (Canned(200, b"<html>Sign in</html>", HTML), BadReply),
        "null": (Canned.of(None), BadReply),
        "list": (Canned.of([]), BadReply),
        "number": (Canned.of(3), BadReply),
        "no fields": (Canned.of({}), BadReply),
        "empty choices": (Canned.of(p.empty), BadReply),
        "not UTF-8": (Canned(200, b'{"choices": "\xff\xfe"}'), BadReply),
        "cut": (Canned(200, Canned.of(p.reply("x" * 5_000)).body, how="cut"), Unavailable),
        "closed": (Canned(how="closed"), Unavailable),
        "hang": (Canned(how="hang"), Unavailable),
        "echo 400": (p.said(400, "You sent Authorization: Bearer @KEY@ and x-goog-api-key: @KEY@"), BadRequest),
        "echo 401": (p.said(401, "Key @KEY@ is wrong"), ConfigError),
        "echo 500": (p.said(500, "x" * 280 + "@KEY@"), Unavailable),
        "echo in HTML": (Canned(502, b"<pre>Authorization: Bearer @KEY@</pre>", HTML), Unavailable),
        "echo in broken JSON": (Canned(200, b'{"key": "@KEY@'), BadReply),
    }
    if "refusal" in p.finish:
        table["refusal"] = (Canned.of(p.reply("I cannot help.", finish="refusal")), got("I cannot help.", "refusal"))
    if p.name == "compatible":
        told = "<think>\n9 and 9\n</think>\n\nThe answer is 18"
        table["think tags"] = (Canned.of(p.reply(told)), got("The answer is 18", reasoning="9 and 9"))
    if p.name == "gemini":
        blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "served-1"}
        blocked |= {"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
        table["blocked prompt"] = (Canned.of(blocked), got("", "content_filter", usage=Usage(5, 0)))
        country = p.error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION")
        table["country"] = (Canned.of(country, 400), ConfigError)
        slow = p.error(429, "Please retry in 36.5s", "RESOURCE_EXHAUSTED")
        slow["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s"}]
        table["429 in the body"] = (Canned.of(slow, 429), RateLimited)
        shut = p.reply("", finish="PUP_LIMITED_DISABLED")
        table["account limited"] = (Canned.of(shut), ConfigError)
        for reason in ("RECITATION", "SPII", "BLOCKLIST", "PROHIBITED_CONTENT", "LANGUAGE"):
            table[reason] = (Canned.of(p.reply("So ", finish=reason)), got("So ", "content_filter"))
    if p.name == "responses":
        failed = p.reply("") | {"status": "failed", "error": {"code": "server_error", "message": "@KEY@ broke"}}
        table["failed"] = (Canned.of(failed), Unavailable)
        limited = failed | {"error": {"code": "rate_limit_exceeded", "message": "slower"}}
        table["failed by rate"] = (Canned.of(limited), RateLimited)
        bio = failed | {"error": {"code": "bio_policy", "message": "not this"}}
        table["failed by policy"] = (Canned.of(bio), BadRequest)
    return table


CASES = [(name, case) for name, protocol in PROTOCOLS.items() for case in outcomes(protocol)]


def shape(outcome: Completion | Error) -> object:
    """What must be the same on both transports: a completion whole, an error's class, status and patience."""
    if isinstance(outcome, Completion):
        return asdict(outcome)
    if isinstance(outcome, TeacherError):
        return type(outcome), outcome.http_status, outcome.retry_after_s
    return type(outcome)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_response_has_one_outcome(
    name: str, case: str, server: CannedServer, caplog: pytest.LogCaptureFixture
) -> None:
    protocol = PROTOCOLS[name]
    server.answer, expected = outcomes(protocol)[case]
    server.received.clear()
    found = []
    with caplog.at_level(logging.DEBUG):
        for transport in TRANSPORTS:
            deadline_s = 0.4 if case == "hang" else 20.0
            outcome = ask(protocol.teacher, server.root + protocol.path, transport, deadline_s=deadline_s)
            found.append(shape(outcome))
            if isinstance(expected, Completion):
                assert outcome == expected
            else:
                assert type(outcome) is expected, outcome
                assert isinstance(outcome, Error)
                told = "".join(traceback.format_exception(outcome)) + repr(outcome) + str(outcome)
                for form in (KEY, "8f3a+Zk", repr(KEY)):
                    assert form not in told
    assert found[0] == found[1]
    assert len(server.received) == 2, "one call is one request"
    assert "8f3a+Zk" not in caplog.text


def test_patience_is_what_the_provider_asked_for(server: CannedServer) -> None:
    waits = {"429": 7.0, "429 in ms": 1.5, "429 without": None, "429 with a date": None, "503": 2.0}
    for case, seconds in waits.items():
        server.answer = outcomes(PROTOCOLS["chat"])[case][0]
        error = ask(PROTOCOLS["chat"].teacher, server.root + "/v1", "wire")
        assert isinstance(error, TeacherError)
        assert error.retry_after_s == seconds
    server.answer = outcomes(PROTOCOLS["gemini"])["429 in the body"][0]
    error = ask(PROTOCOLS["gemini"].teacher, server.root, "wire")
    assert isinstance(error, TeacherError)
    assert error.retry_after_s == 36.5


@pytest.mark.parametrize("name", PROTOCOLS)
def test_fatal_errors_say_what_is_wrong(name: str, server: CannedServer) -> None:
    protocol = PROTOCOLS[name]
    says = {"401": "the key was refused", "bad key": "the key was refused", "404": "no model 'asked-1'"}
    says |= {"no credit": "the account has no credit left", "402": "the account has no credit left"}
    for case, words in says.items():
        server.answer = outcomes(protocol)[case][0]
        error = ask(protocol.teacher, server.root + protocol.path, "wire")
        assert words in str(error)
        assert server.root in str(error)
        assert "Next: " in str(error)


def test_a_routers_filter_turns_one_prompt_away_not_the_run(server: CannedServer) -> None:
    meta = {"reasons": ["violence"], "flagged_input": "What is", "provider_name": "X"}
    server.answer = Canned.of({"error": {"code": 403, "message": "flagged", "metadata": meta}}, 403)
    for transport in TRANSPORTS:
        assert type(ask(PROTOCOLS["compatible"].teacher, server.root + "/v1", transport)) is BadRequest


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nobody_listens(name: str, transport: Transport) -> None:
    protocol = PROTOCOLS[name]
    error = ask(protocol.teacher, "http://127.0.0.1:9" + protocol.path, transport)
    assert type(error) is Unavailable
    assert error.http_status is None
    assert "127.0.0.1:9" in str(error)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_reply_that_holds_the_key_loses_it(name: str, server: CannedServer) -> None:
    protocol = PROTOCOLS[name]
    body = Canned.of(protocol.reply("Your key is sk-plain-4711, thanks", thoughts="sk-plain-4711!"))
    server.answer = body
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANTED", "sk-plain-4711")
        for transport in TRANSPORTS:
            reply = ask(protocol.teacher, server.root + protocol.path, transport)
            assert isinstance(reply, Completion)
            assert (reply.text, reply.reasoning) == ("Your key is [key], thanks", "[key]!")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_observers_see_the_headers_of_good_and_bad_responses(transport: Transport, server: CannedServer) -> None:
    for name, protocol in PROTOCOLS.items():
        seen: list[str | None] = []

        async def go(protocol: Protocol = protocol, seen: list[str | None] = seen) -> None:
            async with connect(
                protocol.teacher,
                base_url=server.root + protocol.path,
                transport=transport,
                observe=lambda headers: seen.append(headers.get("x-ratelimit-remaining-requests")),
            ) as client:
                server.answer = Canned.of(protocol.reply("1"), x_ratelimit_remaining_requests="41")
                await client.complete(ASK, Sampling())
                server.answer = protocol.said(429, X_RateLimit_Remaining_Requests="0")
                with pytest.raises(RateLimited):
                    await client.complete(ASK, Sampling())

        asyncio.run(go())
        assert seen == ["41", "0"], name
