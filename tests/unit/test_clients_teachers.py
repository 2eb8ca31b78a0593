"""The registry of teachers: what entries may say, what they mean for a call, what is said when they are wrong."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from cotdistill.clients.gemini import GeminiAdapter
from cotdistill.clients.openai_chat import ChatAdapter
from cotdistill.clients.openai_responses import ResponsesAdapter
from cotdistill.clients.pool import PoolClient
from cotdistill.clients.wire import WireClient
from cotdistill.errors import ConfigError
from cotdistill.gen.teachers import SHIPPED, Teacher, adapter_of, connect, find_teacher, key_of, load_registry
from cotdistill.tasks.values import Message, Sampling

ASK = (Message("user", "?"),)


@pytest.fixture(autouse=True)
def no_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def entry(tmp_path: Path, text: str) -> Teacher:
    path = tmp_path / "mine.toml"
    path.write_text(f'[mine]\nprovider = "openai-compatible"\nmodel = "m"\n{text}\n')
    return load_registry(path)["mine"]


def test_the_shipped_registry_has_the_papers_teachers_and_their_successors() -> None:
    registry = load_registry()
    assert {"gpt-4o", "gpt-4o-mini", "gpt-6.1-terra", "gemini-1.5-flash", "gemini-3.8-flash", "llama-3-70b"} <= set(
        registry
    )
    for teacher in registry.values():
        if teacher.provider in ("openai", "gemini") and not teacher.retired:
            assert teacher.usd_input is not None and teacher.usd_output is not None, teacher.name
            assert teacher.listed_on is not None and teacher.listed_on <= date(2026, 11, 23), teacher.name
            assert teacher.usd_cached_input is None or teacher.usd_cached_input < teacher.usd_input
    head = SHIPPED.read_text().split("[", 1)[0]
    unsaid = [f for f in Teacher.model_fields if f != "name" and not re.search(rf"^#.*\b{f}\b", head, re.MULTILINE)]
    assert not unsaid, "the head of teachers.toml explains every field"


def test_a_retired_teacher_names_its_successor() -> None:
    registry = load_registry()
    with pytest.raises(ConfigError, match=r"gemini-1\.5-flash is retired: .*gemini-3\.8-flash.*Next: .*--base-url"):
        find_teacher("gemini-1.5-flash", registry=registry)
    assert find_teacher("gemini-1.5-flash", registry=registry, base_url="http://127.0.0.1:1").base_urls
    assert find_teacher("gemini-1.5-flash", registry=registry, model="gemini-1.5-flash-002").retired is None


def test_another_model_has_no_known_price_and_no_known_traits() -> None:
    other = find_teacher("gemini-3.8-flash", registry=load_registry(), model="gemini-9")
    assert (other.price, other.refuses, other.context) == (None, (), None)
    assert other.key_env == "GEMINI_API_KEY"
    same = find_teacher("gpt-4o", registry=load_registry(), model="gpt-4o")
    assert same.price is not None


def test_a_price_past_its_announced_end_is_unknown() -> None:
    price = {"usd_input": 1.0, "usd_output": 2.0, "listed_on": date(2026, 1, 1)}
    base = {"name": "x", "provider": "openai", "model": "m", "base_url": "http://x", **price}
    today = date.today()
    assert Teacher(**base, listed_until=today).price is not None
    assert Teacher(**base, listed_until=today - timedelta(days=1)).price is None


def test_what_a_model_refuses_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    monkeypatch.setenv("GEMINI_API_KEY", "g-1234567")
    registry = load_registry()
    asked = [
        ("gpt-6.1-terra", Sampling(temperature=0.0), "temperature"),
        ("gpt-6.1-terra", Sampling(top_p=0.9), "top_p"),
        ("gpt-6-luna", Sampling(seed=3), "seed"),
        ("gemini-3.8-flash", Sampling(temperature=1.0), "temperature"),
        ("gpt-4o", Sampling(reasoning_effort="low"), "reasoning_effort"),
    ]
    for name, sampling, what in asked:
        teacher = registry[name]
        flag = "--" + what.replace("_", "-")
        words = rf"{re.escape(teacher.model)} does not take {what} \(given: .*\)\. Next: .* without {flag}"
        with pytest.raises(ConfigError, match=words):
            teacher.check(sampling)
        with pytest.raises(ConfigError, match=words):
            adapter_of(teacher, "http://x", "k").request(ASK, sampling)
        assert what not in str(adapter_of(teacher, "http://x", "k").request(ASK, Sampling()).body)
    with pytest.raises(
        ConfigError, match=r"no reasoning effort 'minimal'\. Next: --reasoning-effort low, medium or high"
    ):
        registry["gemini-3.8-flash"].check(Sampling(reasoning_effort="minimal"))
    registry["gemini-3.8-flash"].check(Sampling(reasoning_effort="low", seed=3))


def test_the_responses_api_has_no_seed(tmp_path: Path) -> None:
    teacher = entry(tmp_path, 'base_url = "http://x/v1"\napi = "responses"')
    for ask in (teacher.check, lambda s: adapter_of(teacher, "http://x", "k").request(ASK, s)):
        with pytest.raises(ConfigError, match="does not take seed"):
            ask(Sampling(seed=1))


def test_several_base_urls_make_a_pool(tmp_path: Path) -> None:
    teacher = entry(tmp_path, 'base_url = ["http://a/v1/", "http://b/v1", "http://a/v1"]')
    assert teacher.base_urls == ("http://a/v1", "http://b/v1")
    pool = connect(teacher)
    assert isinstance(pool, PoolClient)
    assert pool.base_url == "http://a/v1, http://b/v1"
    assert isinstance(connect(teacher, base_url="http://c/v1"), WireClient)
    assert isinstance(connect(teacher, base_url=["http://c/v1", "http://d/v1"]), PoolClient)


def test_the_providers_own_variables_name_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = load_registry()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:2")
    assert find_teacher("gpt-4o", registry=registry).base_urls == ("http://127.0.0.1:1/v1",)
    assert find_teacher("gemini-3.8-flash", registry=registry).base_urls == ("http://127.0.0.1:2",)
    assert find_teacher("llama-3-70b", registry=registry).base_urls == ("http://127.0.0.1:8000/v1",)
    given = find_teacher("gpt-4o", registry=registry, base_url="http://127.0.0.1:3/v1")
    assert given.base_urls == ("http://127.0.0.1:3/v1",)


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    gemini = load_registry()["gemini-3.8-flash"]
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="GEMINI_API_KEY or GOOGLE_API_KEY, which is not set"):
        connect(gemini)
    monkeypatch.setenv("GOOGLE_API_KEY", " second ")
    assert key_of(gemini) == "second"
    monkeypatch.setenv("GEMINI_API_KEY", "first")
    assert key_of(gemini) == "first"
    assert key_of(load_registry()["llama-3-70b"]) == "none"


def test_each_provider_has_its_adapter() -> None:
    registry = load_registry()
    kinds = {"gpt-4o": ChatAdapter, "gpt-6.1-terra": ResponsesAdapter, "gemini-3.8-flash": GeminiAdapter}
    kinds |= {"llama-3-70b": ChatAdapter, "builtin-strict": ChatAdapter}
    for name, kind in kinds.items():
        assert type(adapter_of(registry[name], "http://x/v1", "k")) is kind
    for url in ("http://x", "http://x/", "http://x/v1beta"):
        adapter = adapter_of(registry["gemini-3.8-flash"], url, "k")
        assert adapter.request(ASK, Sampling()).url == "http://x/v1beta/models/gemini-3.8-flash:generateContent"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "base_url is missing"),
        ("base_url = []", "base_url is missing"),
        ("base_url = [1]", "base_url"),
        ('base_url = "http://x"\nrefuses = ["top_k"]', r"refuses\.0"),
        ('base_url = "http://x"\nthinking_budget = 5', "thinking_budget is Gemini's"),
        ('base_url = "http://x"\ntokens_per_minute = 0', "tokens_per_minute"),
        ('base_url = "http://x"\nusd_input = 1.0\nusd_output = 1.0', "listed_on is missing"),
        ('base_url = "http://x"\nsurprise = 1', "surprise"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"mine\.toml: mine.*{says}.*Next: "):
        entry(tmp_path, text)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:PORT/v1", "http://h:99999/v1", "http://[::1/v1", "localhost:8000/v1"]
)
def test_an_address_that_is_none_is_said_before_anything_is_planned(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"--base-url .*Next: --base-url http://HOST:PORT/v1") as refused:
        find_teacher("mine", registry=load_registry(), base_url=url)
    assert repr(url) in str(refused.value)
    with pytest.raises(ConfigError, match="base_url"):
        entry(tmp_path, f'base_url = "{url}"')
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL"):
        find_teacher("gpt-4o", registry=load_registry())
