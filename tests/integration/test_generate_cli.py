"""`generate` and its neighbours as they are typed: plans and prices, shards that become one store, URLs and keys."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cotdistill.cli import app
from cotdistill.errors import ConfigError
from cotdistill.gen.builtin.background import start_server
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith
from cotdistill.tests.servers.canned import Canned, CannedServer
from cotdistill.tests.servers.protocols import chat_reply, gemini_reply, responses_reply

N = 30


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with start_server() as server:
        yield server.base_url


@pytest.fixture
def mine(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with the built-in model at a price, and without one."""
    path = tmp_path / "mine.toml"
    entry = f'provider = "openai-compatible"\nmodel = "builtin-strict"\nbase_url = "{url}"\n'
    prices = "usd_input = 2.0\nusd_output = 10.0\nbatch_discount = 0.5\nlisted_on = 2026-11-01\n"
    path.write_text(f"[paid]\n{entry}{prices}[unpriced]\n{entry}")
    monkeypatch.setenv("COTDISTILL_TEACHERS", str(path))
    return path


def run(*words: str) -> str:
    """What a command prints on stdout; an error of ours is raised as it is."""
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def store_of(path: Path, n: int = N) -> Store:
    store = Store.open(path)
    add_questions(store, arith.questions("train", n))
    return store


def plan(store: Store, *words: str) -> list[dict[str, Any]]:
    return json.loads(run("generate", "--dataset", "arith", "--dry-run", "--json", "--store", str(store.path), *words))


def buy(store: Store, *words: str) -> dict[str, Any]:
    return json.loads(run("generate", "--dataset", "arith", "--json", "--store", str(store.path), *words))


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(query).fetchall()


def test_a_plan_is_a_guess_until_there_are_replies_and_then_their_mean(mine: Path, store_path: Path) -> None:
    store = store_of(store_path)
    [guess] = plan(store, "--teacher", "paid", "--level", "3")
    assert (guess["cached"], guess["missing"], guess["calibrated_on"]) == (0, N, 0)
    assert guess["tokens_out"] == 53 * N
    assert guess["usd"] == pytest.approx((guess["tokens_in"] * 2 + guess["tokens_out"] * 10) / 1e6, rel=1e-3)
    buy(store, "--teacher", "paid", "--level", "3", "--limit", "10")
    [(prompt, completion, spent)] = rows(
        store, "SELECT avg(prompt_tokens), avg(completion_tokens), sum(usd) FROM attempt"
    )
    [known] = plan(store, "--teacher", "paid", "--level", "3")
    assert (known["cached"], known["missing"], known["calibrated_on"]) == (10, N - 10, 10)
    assert known["tokens_out"] == pytest.approx(completion * (N - 10), abs=1)
    assert known["usd"] == pytest.approx(2 * spent, rel=1e-6)  # 20 more at what 10 cost
    assert rows(store, "SELECT count(*) FROM attempt") == [(10,)]
    assert prompt > completion


def test_a_plan_in_batches_costs_half(mine: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    store = store_of(store_path)
    [live] = plan(store, "--teacher", "gpt-4o", "--level", "2")
    [batch] = plan(store, "--teacher", "gpt-4o", "--level", "2", "--batch")
    assert batch["usd"] == pytest.approx(live["usd"] / 2)


def test_an_unknown_price_is_no_number_and_no_cap(mine: Path, store_path: Path) -> None:
    store = store_of(store_path)
    assert [cell["usd"] for cell in plan(store, "--teacher", "unpriced", "--level", "1-2")] == [None, None]
    with pytest.raises(ConfigError, match="--max-usd cannot be kept: the price of unpriced is unknown"):
        buy(store, "--teacher", "unpriced", "--max-usd", "5")


def test_a_cut_reply_is_planned_again_with_more_room_and_only_that(mine: Path, store_path: Path) -> None:
    store = store_of(store_path)
    words = ("--teacher", "paid", "--level", "1,6")
    cut = buy(store, *words, "--max-tokens", "30")
    n_cut = cut["unusable"]
    assert 0 < n_cut < 2 * N  # level 6 needs more than 30 tokens, level 1 mostly not
    redo = (*words, "--redo", "truncated", "--max-tokens", "600")
    assert sum(cell["missing"] for cell in plan(store, *redo)) == n_cut
    assert rows(store, "SELECT count(*) FROM attempt") == [(2 * N,)]
    done = buy(store, *redo)
    assert (done["received"], done["unusable"], done["left"]) == (n_cut, 0, 0)
    assert rows(store, "SELECT max_tokens, redo, status, count(*) FROM reply WHERE redo = 1 GROUP BY ALL") == [
        (600, 1, "ok", n_cut)
    ]
    assert sum(cell["missing"] for cell in plan(store, *redo)) == 0


def test_two_shards_on_two_stores_are_exactly_the_whole(mine: Path, tmp_path: Path) -> None:
    whole, home, away = (store_of(tmp_path / f"{name}.duckdb") for name in ("whole", "home", "other"))
    words = ("--teacher", "paid", "--level", "1,3", "--samples", "2", "--temperature", "0.7")
    buy(whole, *words)
    parts = [buy(store, *words, "--shard", f"{i}/2")["received"] for i, store in enumerate((home, away))]
    assert sum(parts) == 4 * N
    assert min(parts) > 0
    first = json.loads(run("ingest", str(away.path), "--store", str(home.path), "--json"))
    again = json.loads(run("ingest", str(away.path), "--store", str(home.path), "--json"))
    assert (first[0]["new"] > 0, again[0]["new"]) == (True, 0)
    for facts in (
        "SELECT reply_key, question_key, text, sample_index FROM reply ORDER BY ALL",
        "SELECT cell_key, question_key, sample_index, reply_key FROM cell_member ORDER BY ALL",
        "SELECT reply_key, prompt_tokens, completion_tokens, round(usd, 9) FROM attempt ORDER BY ALL",
        "SELECT reply_key, verdict, answer FROM rationale_now ORDER BY ALL",
    ):
        assert rows(home, facts) == rows(whole, facts)
    assert sum(cell["missing"] for cell in plan(home, *words)) == 0


def test_the_spool_of_a_killed_shard_comes_home_too(mine: Path, tmp_path: Path) -> None:
    home, away = store_of(tmp_path / "home.duckdb"), store_of(tmp_path / "away.duckdb")
    buy(away, "--teacher", "paid", "--level", "3")
    found = rows(away, "SELECT to_json(r) FROM reply AS r")
    away.spool_dir.mkdir(exist_ok=True)
    lines = [f'{{"table":"reply","row":{text}}}\n' for (text,) in found]
    (away.spool_dir / "harvest-1.jsonl").write_text("".join(lines))
    run("ingest", str(away.spool_dir), "--store", str(home.path))
    assert rows(home, "SELECT count(*) FROM reply") == [(N,)]


@pytest.mark.parametrize(
    ("name", "variable", "key", "path", "reply"),
    [
        ("gpt-4o", "OPENAI_BASE_URL", "OPENAI_API_KEY", "/v1/chat/completions", chat_reply),
        ("gpt-6.1-terra", "OPENAI_BASE_URL", "OPENAI_API_KEY", "/v1/responses", responses_reply),
        (
            "gemini-3.8-flash",
            "GOOGLE_GEMINI_BASE_URL",
            "GEMINI_API_KEY",
            "/v1beta/models/gemini-3.8-flash:generateContent",
            gemini_reply,
        ),
    ],
)
def test_the_providers_own_variables_lead_a_harvest(
    name: str, variable: str, key: str, path: str, reply: Any, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent arrives at the variable's address, with room for what the model thinks; the price is the list's."""
    monkeypatch.setenv(key, "sk-planted-0123456789")
    store = store_of(store_path, 2)
    with CannedServer() as server:
        server.answer = Canned.of(reply("So 1. The answer is 1."))
        monkeypatch.setenv(variable, server.root + ("/v1" if variable == "OPENAI_BASE_URL" else ""))
        done = buy(store, "--teacher", name, "--level", "3", "--max-usd", "3")
    assert (done["received"], done["calls_unpriced"]) == (2, 0)
    assert {request.target for request in server.received} == {path}
    sent = server.received[0].json
    room = sent.get("max_completion_tokens") or sent.get("max_output_tokens")
    room = room or sent["generationConfig"]["maxOutputTokens"]
    assert room == {"gpt-4o": 1_024, "gpt-6.1-terra": 25_000, "gemini-3.8-flash": 16_384}[name]
    assert "max_tokens" not in sent
    assert "temperature" not in json.dumps(sent)


def test_the_registry_is_listed_without_a_key_in_sight(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    said = run("teachers", "--json", "--store", str(tmp_path / "none.duckdb"))
    assert "planted" not in said
    by_name = {entry["name"]: entry for entry in json.loads(said)}
    assert by_name["gpt-4o"]["key"] == "present"
    assert by_name["gemini-3.8-flash"]["key"] == "no GEMINI_API_KEY"
    assert by_name["paid"]["key"] == "not needed"
    assert by_name["paid"]["usd_input"] == 2.0
    assert not (tmp_path / "none.duckdb").exists()


def test_status_tells_how_far_a_harvest_of_another_process_is(tmp_path: Path) -> None:
    store = store_of(tmp_path / "s.duckdb", 60)
    with start_server(faults="latency:0.3") as server:
        words = ["generate", "--teacher", "live", "--base-url", server.base_url, "--model", "builtin-strict"]
        words += ["--dataset", "arith", "--level", "3", "--concurrency", "2", "--store", str(store.path)]
        with subprocess.Popen([sys.executable, "-m", "cotdistill", *words], stderr=subprocess.DEVNULL) as harvest:
            seen: list[dict[str, Any]] = []
            while harvest.poll() is None:
                seen += json.loads(run("status", "--store", str(store.path), "--json"))["teachers"]
                time.sleep(0.2)
    assert harvest.returncode == 0
    under_way = [one for one in seen if 5 < one["cached"] < 55]
    assert under_way, "it was over before it was looked at"
    for one in under_way:
        assert one["cached"] + one["left"] == one["wanted"] == 60
        assert 60 < one["per_min"] < 60 * 2 / 0.3
        assert one["eta_s"] == pytest.approx(60 * one["left"] / one["per_min"], rel=0.05, abs=1.5)
    [one] = json.loads(run("status", "--store", str(store.path), "--json"))["teachers"]
    assert (one["cached"], one["left"], one["unpriced"], one["usd"], one["eta_s"]) == (60, 0, 60, None, None)
