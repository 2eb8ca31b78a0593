"""The harvest against the built-in teacher's server: real SDK, real sockets, faults on order."""

from pathlib import Path
from typing import Literal

import pytest
from harvest_lab import LEVELS_1_3, SAMPLING, Planned, counts, filled, planned, priced, run, teacher

from cotdistill.clients.budget import Budget
from cotdistill.errors import BudgetReached, ConfigError, TeacherError
from cotdistill.gen import harvest as harvest_module
from cotdistill.gen.budget import spent
from cotdistill.gen.builtin.background import start_server
from cotdistill.gen.plan import Order, make_plan, stream_calls, write_pending
from cotdistill.gen.prompts import recipes
from cotdistill.gen.teachers import connect
from cotdistill.store.judge import judge
from cotdistill.store.questions import add_questions
from cotdistill.store.store import Store
from cotdistill.tasks.values import Question, Sampling


def test_everything_planned_is_received_judged_and_never_asked_again(store_path: Path) -> None:
    store = filled(store_path, 40)
    plan = planned(store)
    assert [(c.n_wanted, c.n_cached, c.usd) for c in plan.cells] == [(40, 0, 0.0)] * 3
    with start_server() as server:
        tally = run(store, plan, server.base_url)
    assert (tally.n_done, tally.n_failed, tally.n_unusable) == (120, 0, 0)
    assert counts(store) == (120, 120, 120)
    store.settle()
    with store.read() as con:
        verdicts = con.execute(
            "SELECT level, format, verdict, count(*), avg(realised_tokens) FROM cell_rationale "
            "GROUP BY ALL ORDER BY level"
        ).fetchall()
    assert [row[:4] for row in verdicts] == [
        (1, "original", "correct", 40),
        (3, "original", "correct", 40),
        (None, "answer-only", "correct", 40),
    ]
    assert verdicts[2][4] < verdicts[0][4] < verdicts[1][4]
    again = planned(store)
    assert again.calls == []
    assert [c.n_cached for c in again.cells] == [40, 40, 40]


def test_pending_calls_with_long_questions_fit_into_little_memory(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that does not fit is done again without the limit: it would be right, and large, and nobody would know."""
    store, n = Store.open(store_path), 12_000
    stem = "How many are left when somebody takes a few of them away? " * 20
    add_questions(store, [Question("arith", "train", f"{stem}{i}", "number", str(i)) for i in range(n)])
    order = planned(store, recipes([3], ["original"], "no")).order
    read, tries = store.frugally, []
    monkeypatch.setattr(store, "frugally", lambda work, **how: read(lambda con: (tries.append(1), work(con))[1], **how))
    assert write_pending(store, order, tmp_path / "pending.jsonl") == n and tries == [1]
    keys = [call.reply_key for call in stream_calls(order, tmp_path / "pending.jsonl")]
    assert len(set(keys)) == n
    judge(store)  # nothing is there, and nothing is too large
    assert len(tries) == 3


def test_a_plan_that_is_not_recorded_leaves_no_trace(store_path: Path) -> None:
    store = filled(store_path, 10)
    cells = make_plan(store, Order(teacher("gpt-4o"), "arith", tuple(LEVELS_1_3), SAMPLING), record=False)
    assert [(c.n_missing, c.usd is not None and c.usd > 0) for c in cells] == [(10, True)] * 3
    with store.read() as con:
        assert con.execute("SELECT (SELECT count(*) FROM cell) + (SELECT count(*) FROM cell_member)").fetchone() == (0,)


@pytest.mark.parametrize("transport", ["wire", "sdk"])
def test_faults_lose_nothing_and_every_call_is_an_attempt(store_path: Path, transport: Literal["wire", "sdk"]) -> None:
    store = filled(store_path, 100)
    plan = planned(store, recipes([3], ["original"], "no"))
    with start_server(faults="500:0.08,429:0.08,cut:0.04,hang:0.01") as server:
        tally = run(store, plan, server.base_url, concurrency=25, deadline_s=2.0, transport=transport)
    assert (tally.n_done, tally.n_failed) == (100, 0)
    assert tally.n_retried > 0
    replies, wanted, attempts = counts(store)
    assert (replies, wanted, attempts) == (100, 100, 100 + tally.n_retried)
    with store.read() as con:
        statuses = dict(con.execute("SELECT status, count(*) FROM attempt GROUP BY 1").fetchall())
    assert statuses["ok"] == 100
    assert set(statuses) <= {"ok", "unavailable", "rate_limited", "bad_reply"}


def test_samples_of_one_prompt_have_their_own_identity(store_path: Path) -> None:
    store = filled(store_path, 5)
    plan = planned(store, recipes([3], ["original"], "no"), n_samples=3)
    assert len(plan.calls) == 15
    with start_server() as server:
        run(store, plan, server.base_url)
    with store.read() as con:
        assert con.execute("SELECT sample_index, count(*) FROM reply GROUP BY 1 ORDER BY 1").fetchall() == [
            (0, 5),
            (1, 5),
            (2, 5),
        ]


def test_sloppy_is_wrong_in_its_share_and_the_store_knows(store_path: Path) -> None:
    store = filled(store_path, 300)
    plan = planned(store, recipes([3], ["original"], "no"), who="builtin-sloppy")
    with start_server(sloppy_share=0.2) as server:
        run(store, plan, server.base_url)
    store.settle()
    with store.read() as con:
        wrong = con.execute("SELECT count(*) FROM rationale_now WHERE verdict = 'wrong'").fetchone()
    assert wrong is not None
    assert 35 <= wrong[0] <= 85  # 60 expected, 6.9 the standard deviation


def test_a_truncated_reply_is_kept_with_its_status_and_bought_again_on_demand(store_path: Path) -> None:
    store = filled(store_path, 3)
    wanted = recipes([6], ["original"], "no")
    with start_server() as server:
        run(store, planned(store, wanted, sampling=Sampling(max_tokens=5)), server.base_url)
        with store.read() as con:
            assert con.execute("SELECT status, finish_reason FROM reply GROUP BY ALL").fetchall() == [
                ("truncated", "length")
            ]
        assert planned(store, wanted).calls == []  # terminal: more tokens alone do not buy it again
        again = planned(store, wanted, redo=("truncated",))
        assert [c.redo for c in again.calls] == [1, 1, 1]
        run(store, again, server.base_url)
        assert planned(store, wanted, redo=("truncated",)).calls == []
    store.settle()
    with store.read() as con:
        assert con.execute("SELECT reply_status, verdict, count(*) FROM cell_rationale GROUP BY ALL").fetchall() == [
            ("ok", "correct", 3)
        ]
        assert con.execute("SELECT redo, status, count(*) FROM reply GROUP BY ALL ORDER BY 1").fetchall() == [
            (0, "truncated", 3),
            (1, "ok", 3),
        ]


def test_an_unknown_model_stops_the_harvest_at_once(store_path: Path) -> None:
    store = filled(store_path, 50)
    wrong = teacher().model_copy(update={"model": "builtin-none"})
    with start_server() as server, pytest.raises(ConfigError, match=r"no model 'builtin-none' \(HTTP 404\)"):
        run(store, planned(store), server.base_url, concurrency=4, who=wrong)
    assert counts(store)[0] == 0


def test_nobody_at_the_address_is_one_clear_error(store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvest_module, "GIVE_UP_AFTER", 3)
    store = filled(store_path, 20)
    with pytest.raises(TeacherError, match="has not answered 3 questions in a row"):
        run(store, planned(store), "http://127.0.0.1:9/v1", concurrency=2)


def test_a_key_is_sent_but_never_stored(store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "sk-planted-0123456789"
    monkeypatch.setenv("PLANTED_API_KEY", planted)
    store = filled(store_path, 10)
    plan = planned(store, recipes([1], ["original"], "no"))
    keyed = teacher().model_copy(update={"provider": "openai-compatible", "key_env": "PLANTED_API_KEY"})
    with start_server(faults="500:0.2") as server:
        run(store, plan, server.base_url, who=keyed)
    for path in [store.path, *store.spool_dir.rglob("*")]:
        assert planted.encode() not in (path.read_bytes() if path.is_file() else b"")


def test_the_cap_is_never_exceeded_and_holds_across_restarts(store_path: Path) -> None:
    store = filled(store_path, 60)
    order = Order(priced(), "arith", tuple(recipes([3], ["original"], "no")), Sampling(max_tokens=200))
    cap, rounds = 0.02, 0
    with start_server(faults="500:0.1,cut:0.05") as server:
        for _ in range(3):
            plan = Planned(store, order)
            with pytest.raises(BudgetReached, match="What was received is kept"):
                run(store, plan, server.base_url, budget=Budget(cap, spent(store)))
            assert spent(store) <= cap
            rounds += 1
        replies = counts(store)[0]
        assert 0 < replies < 60
        run(store, Planned(store, order), server.base_url, budget=Budget(1.0, spent(store)))
    assert counts(store)[0] == 60
    with store.read() as con:
        by_basis = dict(con.execute("SELECT usd_basis, sum(usd) FROM attempt GROUP BY 1").fetchall())
    assert set(by_basis) <= {"usage", "free", "reserved"}
    assert by_basis["usage"] > 0
    assert spent(store) == pytest.approx(sum(by_basis.values()))


def test_calls_open_at_a_kill_count_as_spent(store_path: Path) -> None:
    store = filled(store_path, 1)
    row = {"attempt_key": "a", "reply_key": "r", "teacher": "priced", "usd": 0.5, "reserved_at": "2026-01-01T00:00:00"}
    with store.write() as con:
        store.insert(con, "reservation", [row])
    assert spent(store) == 0.5


def test_shards_are_disjoint_and_together_everything(store_path: Path) -> None:
    store = filled(store_path, 200)
    keys: list[str] = []
    for i in range(3):
        order = Order(teacher(), "arith", tuple(LEVELS_1_3), SAMPLING, shard=(i, 3))
        keys += [call.reply_key for call in Planned(store, order).calls]
    whole = [call.reply_key for call in Planned(store, Order(teacher(), "arith", tuple(LEVELS_1_3), SAMPLING)).calls]
    assert sorted(keys) == sorted(whole)
    assert len(set(keys)) == 600


def test_another_temperature_is_another_reply_but_other_limits_are_not(store_path: Path) -> None:
    store = filled(store_path, 5)
    one = recipes([3], ["original"], "no")
    with start_server() as server:
        run(store, planned(store, one), server.base_url)
    assert planned(store, one, sampling=Sampling(max_tokens=4096)).calls == []
    assert len(planned(store, one, sampling=Sampling(max_tokens=512, temperature=0.7)).calls) == 5


def test_a_teacher_without_its_key_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY, which is not set"):
        connect(teacher("gpt-4o"))
