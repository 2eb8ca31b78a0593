"""Batches from submission to collection, against loopback servers that speak the providers' protocols."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.batch_base import Batch, Provider, run_until_complete, serving
from servers.batch_driver import submit, teacher
from servers.batch_gemini import GeminiProvider
from servers.batch_openai import OpenAIProvider

from cotdistill import study
from cotdistill.errors import BudgetReached, ConfigError, TeacherError
from cotdistill.gen.batch_collect import collect_batches, give_up
from cotdistill.gen.batch_reconcile import reconcile_batches
from cotdistill.gen.teachers import Teacher
from cotdistill.store.locks import only_one
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.datasets import arith

N = 20
# 100 prompt and 20 completion tokens at $2 and $10 a million, half price.
USD_EACH = (100 * 2.0 + 20 * 10.0) / 1e6 / 2


class Desk:
    """A store with questions, a provider, and the teacher that is there."""

    def __init__(self, store: Store, provider: Provider, asked: Teacher) -> None:
        self.store = store
        self.provider = provider
        self.teacher = asked

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.store.read() as con:
            return con.execute(sql).fetchall()

    def value(self, sql: str) -> object:
        return self.rows(sql)[0][0]

    @property
    def batches(self) -> list[object]:
        return list(self.provider.batches.values())


@pytest.fixture(params=["openai", "gemini"])
def desk(request: pytest.FixtureRequest, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both providers; a test for one of them skips the other by name."""
    monkeypatch.setenv("BATCH_TEST_KEY", "sk-planted-0123456789")
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", N))
    provider = OpenAIProvider() if request.param == "openai" else GeminiProvider()
    with serving(provider) as url:
        yield Desk(store, provider, teacher(url, request.param))


def only(desk: Desk, provider: str) -> None:
    if desk.teacher.provider != provider:
        pytest.skip(f"about {provider} only")


def test_a_batch_is_submitted_once_collected_and_judged_at_half_price(desk: Desk) -> None:
    done = submit(desk.store, desk.teacher, N, None)
    assert (done.n_batches, done.n_requests) == (1, N)
    assert submit(desk.store, desk.teacher, N, None).n_batches == 0, "its replies are pending for nobody"
    [batch] = desk.provider.batches.values()
    first = collect_batches(desk.store)
    assert (first.n_open, first.n_received) == (1, 0)
    batch.status = "in_progress"
    assert collect_batches(desk.store).batches[0].state in ("in_progress", "running")
    desk.provider.finish(batch)
    done = collect_batches(desk.store)
    assert (done.n_open, done.n_received, done.n_errors, done.n_strays) == (0, N, 0, 0)
    assert done.usd == pytest.approx(N * USD_EACH)
    desk.store.settle()
    assert desk.rows(
        "SELECT count(*), count(DISTINCT reply_key) FROM reply WHERE text LIKE '%' || reply_key || '%'"
    ) == [(N, N)], "results come in another order; each found its own request"
    assert desk.rows("SELECT DISTINCT status, usd_basis, usd, http_status, prompt_tokens FROM attempt") == [
        ("ok", "usage", USD_EACH, 200, 100)
    ]
    assert desk.value("SELECT count(*) FROM rationale_now WHERE verdict IS NOT NULL") == N
    assert desk.value("SELECT usd FROM spend") == pytest.approx(N * USD_EACH)
    assert collect_batches(desk.store).batches == []
    assert submit(desk.store, desk.teacher, N, None).n_batches == 0


def test_how_long_a_batch_lay_there_says_nothing_of_its_teachers_pace(desk: Desk) -> None:
    submit(desk.store, desk.teacher, 10, None)
    desk.provider.finish(next(iter(desk.provider.batches.values())))
    assert collect_batches(desk.store).n_received == 10
    latency = (Path(study.__file__).parent / "sql" / "latency.sql").read_text()
    assert desk.rows(latency) == []  # a plan has nothing to go by yet, and says what it assumes


def test_requests_are_split_by_count_and_by_bytes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotdistill.gen.batch_services import batch_service

    assert submit(desk.store, desk.teacher, 10, 4).n_batches == 3
    assert [len(b.keys) for b in desk.provider.batches.values()] == [4, 4, 2]

    def narrow(asked: Teacher) -> object:
        service = batch_service(asked)
        monkeypatch.setattr(service, "max_bytes", 5_000)
        return service

    done = submit(desk.store, desk.teacher, N, None, connect=narrow)
    assert done.n_requests == N - 10
    assert done.n_batches > 1
    sizes = [len(f.data) for f in desk.provider.files.values()][3:]
    assert max(sizes) <= 5_000
    assert sum(sizes) == done.n_bytes
    assert set(desk.provider.times_asked().values()) == {1}
    assert len(desk.provider.times_asked()) == N
    assert list(desk.store.dir_for("batches").iterdir()) == []


def test_an_expired_batch_is_billed_and_kept_for_what_it_did(desk: Desk) -> None:
    submit(desk.store, desk.teacher, N, None)
    [batch] = desk.provider.batches.values()
    answered = desk.provider.finish(batch, "expired", share=0.6)
    assert len(answered) == 12
    done = collect_batches(desk.store)
    assert (done.n_received, done.n_errors, done.n_open) == (12, 8, 0)
    assert desk.rows("SELECT status, count(*), sum(usd) FROM attempt GROUP BY ALL ORDER BY 1") == [
        ("expired", 8, 0.0),
        ("ok", 12, pytest.approx(12 * USD_EACH)),
    ]
    assert {row[0] for row in desk.rows("SELECT reply_key FROM reply")} == set(answered)
    assert desk.value("SELECT usd FROM spend") == pytest.approx(12 * USD_EACH), "reservations are settled"
    again = submit(desk.store, desk.teacher, N, None)
    assert again.n_requests == 8, "what it did not bring is pending again"
    assert set(list(desk.provider.batches.values())[1].keys).isdisjoint(answered)


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_batch_that_failed_or_was_cancelled_frees_its_replies(desk: Desk, end: str) -> None:
    submit(desk.store, desk.teacher, N, None)
    [batch] = desk.provider.batches.values()
    desk.provider.fail(batch) if end == "failed" else desk.provider.finish(batch, "cancelled", share=0.0)
    done = collect_batches(desk.store)
    assert (done.n_received, done.n_open, done.usd) == (0, 0, 0.0)
    if end == "failed" and desk.teacher.provider == "openai":
        assert "token_limit_exceeded: Enqueued token limit." in done.problems[0]
    assert desk.rows("SELECT DISTINCT status, usd FROM attempt") == [(end, 0.0)]
    assert submit(desk.store, desk.teacher, N, None).n_requests == N


def test_errors_of_single_lines_are_attempts_and_what_cannot_be_answered_is_a_reply(desk: Desk) -> None:
    submit(desk.store, desk.teacher, N, None)
    [batch] = desk.provider.batches.values()
    refused, later = batch.keys[3], batch.keys[5]
    lost = batch.keys[7]
    failing = {refused: (400, "Invalid prompt: too long"), later: (503, "overloaded")}
    desk.provider.finish(batch, failing=failing, skip=(lost,))
    done = collect_batches(desk.store)
    assert (done.n_received, done.n_errors) == (N - 3, 3)
    rows = desk.rows(
        "SELECT reply_key, status, http_status, usd_basis FROM attempt WHERE status <> 'ok' ORDER BY status"
    )
    assert rows == [
        (refused, "bad_request", 400, "free"),
        (lost, "missing", None, "reserved"),
        (later, "unavailable", 503, "free"),
    ]
    assert desk.value(f"SELECT usd > 0 FROM attempt WHERE reply_key = '{lost}'")
    assert desk.value(f"SELECT status FROM reply WHERE reply_key = '{refused}'") == "bad_request"
    assert submit(desk.store, desk.teacher, N, None).n_requests == 2, "the lost one and the one that was turned away"


def test_lines_that_fit_no_request_are_kept_aside(desk: Desk) -> None:
    submit(desk.store, desk.teacher, N, None)
    [batch] = desk.provider.batches.values()
    twice = desk.provider.result_line(batch.keys[0], batch.requests[batch.keys[0]])
    stranger = desk.provider.result_line("0" * 32, batch.requests[batch.keys[0]])
    cut = desk.provider.result_line(batch.keys[1], batch.requests[batch.keys[1]])[:60] + b"\n"
    desk.provider.finish(batch, extra=(twice, stranger, cut, b"[]\n", b"\xff\xfe{\n"), skip=(batch.keys[1],))
    done = collect_batches(desk.store)
    assert (done.n_received, done.n_strays) == (N - 1, 5)
    reasons = [row[0] for row in desk.rows("SELECT reason FROM batch_stray ORDER BY reason")]
    assert reasons[:2] == ["a request we did not make", "a second result of one request"]
    assert all(str(reason).startswith("unreadable: ") for reason in reasons[2:])
    assert desk.value("SELECT count(*) FROM batch_stray WHERE starts_with(line, '{') AND length(line) = 60") == 1
    assert submit(desk.store, desk.teacher, N, None).n_requests == 1


def test_reading_a_result_twice_writes_the_same_rows(desk: Desk) -> None:
    submit(desk.store, desk.teacher, N, None)
    [batch] = desk.provider.batches.values()
    desk.provider.finish(batch, "expired", share=0.5, extra=(b"{}\n",))
    collect_batches(desk.store)
    counts = "SELECT (SELECT count(*) FROM reply), (SELECT count(*) FROM attempt), (SELECT count(*) FROM batch_stray)"
    before = desk.rows(counts)
    with desk.store.write() as con:
        con.execute("DELETE FROM batch_event WHERE event = 'collected'")
    assert collect_batches(desk.store).n_received == N / 2
    assert desk.rows(counts) == before


def test_a_batch_whose_submission_was_not_answered_is_found_in_the_list(desk: Desk) -> None:
    desk.provider.drop_next = ["/v1/batches" if desk.teacher.provider == "openai" else ":batchGenerateContent"]
    done = submit(desk.store, desk.teacher, N, None)
    assert done.n_batches == 1
    assert len(desk.provider.batches) == 1
    assert desk.value("SELECT remote_id FROM batch_now") == next(iter(desk.provider.batches))


def test_a_refused_submission_frees_its_replies_and_deletes_its_file(desk: Desk) -> None:
    desk.provider.fail_next = [("POST /v1/batches" if desk.teacher.provider == "openai" else "batchGenerate", 400)]
    with pytest.raises(TeacherError, match="told to fail with 400"):
        submit(desk.store, desk.teacher, N, None)
    assert desk.provider.batches == {}
    assert all(file.deleted for file in desk.provider.files.values())
    assert desk.rows("SELECT usd FROM spend") == []
    assert desk.rows("SELECT state, closed FROM batch_now") == [("withdrawn", True)]
    assert submit(desk.store, desk.teacher, N, None).n_requests == N


def test_a_wrong_key_is_said_at_once_and_never_shown(desk: Desk) -> None:
    desk.provider.fail_next = [("files", 401)]
    with pytest.raises(ConfigError, match="the key was refused") as caught:
        submit(desk.store, desk.teacher, N, None)
    assert "sk-planted" not in str(caught.value)
    told = b"".join(p.read_bytes() for p in desk.store.path.parent.rglob("*") if p.is_file())
    assert b"sk-planted" not in told


def test_an_intent_in_doubt_stays_so_while_nobody_can_be_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    list_route = "GET /v1/batches" if desk.teacher.provider == "openai" else "GET /v1beta/batches"
    create = "POST /v1/batches" if desk.teacher.provider == "openai" else "batchGenerate"
    desk.provider.fail_next = [(create, 500)] + [(list_route, 503)] * 5
    with pytest.raises(TeacherError):
        submit(desk.store, desk.teacher, N, None)
    assert desk.rows("SELECT state, closed, remote_id FROM batch_now") == [("intended", False, None)]
    assert desk.value("SELECT count(*) FROM batch_open_reply") == N
    desk.provider.fail_next = []
    done = reconcile_batches(desk.store)
    assert (len(done.found), len(done.withdrawn)) == (0, 1)
    assert desk.value("SELECT count(*) FROM batch_open_reply") == 0


def test_a_cap_is_kept_by_reserving_the_most_a_batch_can_cost(desk: Desk) -> None:
    with pytest.raises(BudgetReached, match="the next would go over"):
        submit(desk.store, desk.teacher, N, 3, budget_usd=0.01)
    reserved = desk.value("SELECT sum(usd_reserved) FROM batch_member")
    assert 0.005 < reserved <= 0.01
    assert desk.value("SELECT usd FROM spend") == pytest.approx(reserved)
    for batch in desk.provider.batches.values():
        desk.provider.finish(batch)
    n = collect_batches(desk.store).n_received
    assert desk.value("SELECT usd FROM spend") == pytest.approx(n * USD_EACH)


def test_a_cap_without_a_batch_price_is_refused(desk: Desk) -> None:
    unpriced = desk.teacher.model_copy(update={"batch_discount": None})
    with pytest.raises(ConfigError, match="batch_discount"):
        submit(desk.store, unpriced, N, None, budget_usd=1.0)
    submit(desk.store, unpriced, N, None)
    desk.provider.finish(next(iter(desk.provider.batches.values())))
    assert collect_batches(desk.store).n_unpriced == N
    assert desk.rows("SELECT DISTINCT usd, usd_basis FROM attempt") == [(None, "unpriced")]


def test_a_batch_the_provider_does_not_know_is_told_and_can_be_given_up(desk: Desk) -> None:
    submit(desk.store, desk.teacher, N, None)
    [(name, _)] = desk.provider.batches.items()
    desk.provider.batches.clear()
    done = collect_batches(desk.store)
    assert done.n_open == 1
    assert f"collect --give-up {name}" in done.problems[0]
    give_up(desk.store, name)
    assert collect_batches(desk.store).batches == []
    assert desk.value("SELECT usd > 0 FROM spend"), "it may be billed: what it had reserved stays spent"
    with pytest.raises(ConfigError, match="no open batch"):
        give_up(desk.store, name)


def test_the_built_in_teacher_has_no_batches(store_path: Path) -> None:
    store = Store.open(store_path)
    add_questions(store, arith.questions("train", 2))
    with pytest.raises(ConfigError, match="no batch API"):
        submit(store, Teacher(name="b", provider="builtin", model="b"), 2, None)


def test_other_peoples_batches_are_left_alone(desk: Desk) -> None:
    for _ in range(7):
        desk.provider.new_batch(None, {}, "batch_" if desk.teacher.provider == "openai" else "batches/x")
    submit(desk.store, desk.teacher, N, None)
    collect_batches(desk.store)
    with desk.store.write() as con:
        con.execute("DELETE FROM batch_event")
    assert len(reconcile_batches(desk.store).found) == 1, "found on the third page"
    assert len(desk.provider.batches) == 8


def test_a_responses_teacher_submits_to_its_own_endpoint(desk: Desk) -> None:
    only(desk, "openai")
    asked = desk.teacher.model_copy(update={"api": "responses"})
    submit(desk.store, asked, N, None)
    [batch] = desk.provider.batches.values()
    assert {line["url"] for line in batch.requests.values()} == {"/v1/responses"}
    desk.provider.finish(batch)
    assert collect_batches(desk.store).n_received == N
    assert json.loads(str(desk.value("SELECT detail FROM batch_now"))) == {"results": {"ok": N}}


def cotdistill(*words: str, store: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cotdistill", *words, "--store", str(store)]
    env = os.environ | {"COLUMNS": "80"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


def test_collect_shows_a_table_and_says_what_was_kept_aside(desk: Desk) -> None:
    only(desk, "openai")
    submit(desk.store, desk.teacher, 10, None)
    open_one = cotdistill("collect", store=desk.store.path)
    assert open_one.returncode == 0, open_one.stderr
    heading, _, row = open_one.stdout.splitlines()[:3]
    assert heading.split() == ["batch", "provider", "state", "requests", "done", "failed", "age"]
    assert row.split()[:6] == ["batch_000002", "openai", "validating", "10", "0", "0"]
    assert "1 batches are open" in open_one.stderr
    submit(desk.store, desk.teacher, N, None)
    first, second = desk.provider.batches.values()
    desk.provider.finish(first, extra=(b"{}\n",))
    desk.provider.on_poll = run_until_complete(desk.provider, 2, share=0.5, status="expired")
    done = cotdistill("collect", "--wait", "--every", "0.1", "--json", store=desk.store.path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [(b["batch"], b["state"], b["requests"], b["done"]) for b in said.pop("batches")] == [
        (first.id, "completed", 10, 10),
        (second.id, "expired", 10, 5),
    ]
    usd = round(15 * USD_EACH, 6)
    assert said == {"received": 15, "errors": 5, "strays": 1, "usd": usd, "calls_unpriced": 0, "open": 0}
    assert "1 result lines fit no request and were kept aside" in done.stderr
    assert desk.value("SELECT count(*) FROM rationale_now WHERE verdict IS NOT NULL") == 15, "collect judges, too"


def test_waiting_goes_on_after_a_batch_that_failed_and_a_provider_that_was_away(desk: Desk) -> None:
    only(desk, "openai")
    submit(desk.store, desk.teacher, 10, 10)
    submit(desk.store, desk.teacher, N, 10)
    first, second = desk.provider.batches.values()
    desk.provider.fail(first)
    finish, looks = run_until_complete(desk.provider, 4), []

    def poll(batch: Batch) -> None:
        looks.append(batch.id)
        finish(batch)

    desk.provider.on_poll = poll
    done = cotdistill("collect", "--wait", "--every", "0.1", "--json", store=desk.store.path)
    assert len(looks) >= 4
    assert json.loads(done.stdout)["open"] == 0
    assert (first.status, second.status) == ("failed", "completed")
    assert done.returncode == 1 and "token_limit_exceeded" in done.stderr  # one of them did fail
    assert done.stderr.count("token_limit_exceeded") == 1


def test_collect_without_the_key_names_it_and_leaves_the_batch_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(desk.store, desk.teacher, N, None)
    monkeypatch.delenv("BATCH_TEST_KEY")
    done = cotdistill("collect", "--wait", store=desk.store.path)
    assert done.returncode == 1
    assert "BATCH_TEST_KEY" in done.stderr
    assert desk.value("SELECT count(*) FROM batch_open_reply") == N


def test_a_second_batch_command_names_the_first(desk: Desk) -> None:
    with only_one(desk.store.spool_dir, "batch"):
        done = cotdistill("collect", store=desk.store.path)
    assert done.returncode == 1
    assert f"another batch is at work on this store: process {os.getpid()}" in done.stderr


def test_the_command_line_submits_and_collects(desk: Desk, tmp_path: Path) -> None:
    """`generate --batch`, then `collect`, as separate processes; a second submission finds nothing pending."""
    kind, url = desk.teacher.provider, desk.teacher.base_url
    (tmp_path / "mine.toml").write_text(
        f'[mine]\nprovider = "{kind}"\nmodel = "{desk.teacher.model}"\nbase_url = "{url}"\nkey_env = "BATCH_TEST_KEY"\n'
        f"usd_input = 2.0\nusd_output = 10.0\nbatch_discount = 0.5\nlisted_on = 2026-01-01\n"
    )

    def cotdistill(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cotdistill", *words, "--store", str(desk.store.path)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"COTDISTILL_TEACHERS": "mine.toml"},
        )

    buy = ("generate", "--teacher", "mine", "--dataset", "arith", "--level", "3", "--batch", "--max-usd", "1")
    first = cotdistill(*buy)
    assert first.returncode == 0, first.stderr
    assert f"submitted {N} requests in 1 batches" in first.stderr
    again = cotdistill(*buy)
    assert again.returncode == 0, again.stderr
    assert f"{N} of these replies are in open batches. Next: cotdistill collect" in again.stderr
    assert len(desk.batches) == 1
    desk.provider.finish(desk.batches[0])  # type: ignore[arg-type]
    collected = cotdistill("collect", "--json")
    assert collected.returncode == 0, collected.stderr
    assert desk.value("SELECT count(*) FROM reply") == N


def test_batches_are_for_providers_that_have_them(tmp_path: Path) -> None:
    words = ["generate", "--teacher", "builtin-strict", "--batch", "--store", str(tmp_path / "x.duckdb")]
    done = subprocess.run(
        [sys.executable, "-m", "cotdistill", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "batch API (openai, gemini)" in done.stderr
