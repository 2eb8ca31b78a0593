"""What can be evaluated and how: subsets, shots, samples that go on, adapters, endpoints; and what goes wrong."""

import importlib.metadata
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from arith_lab import question_row
from servers.canned import Canned, CannedServer
from typer.testing import CliRunner

from cotdistill.cli import app
from cotdistill.commands.scores import show_scores
from cotdistill.errors import ConfigError
from cotdistill.evaluate.decoding import Decoder
from cotdistill.evaluate.models import Endpoint, Model, adapter_model, base_model, endpoint_model
from cotdistill.evaluate.plan import Asking, Shots, sheet
from cotdistill.evaluate.run import EvaluationResult, cards, evaluate_plan, spread
from cotdistill.evaluate.worker import Job, Part
from cotdistill.gen.budget import spent
from cotdistill.gen.teachers import load_registry
from cotdistill.store.store import Store
from cotdistill.tasks import templates
from cotdistill.tasks.datasets import arith
from cotdistill.tasks.values import Question
from cotdistill.train import students

SHORT = Decoder("greedy", 8)


@pytest.fixture
def store(store_path: Path) -> Store:
    store = Store.open(store_path)
    rows = [
        question_row(q) | {"difficulty": q.difficulty}
        for q in (*arith.questions("train", 30), *arith.questions("test", 12))
    ]
    with store.write() as con:
        store.insert(con, "question", rows)
    return store


@pytest.fixture
def tiny() -> Model:
    return base_model("tiny", Path(students.locate(students.resolve_student("tiny"))), "plain")


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.read() as con:
        return con.execute(sql).fetchall()


def test_a_subset_is_an_evaluation_of_its_own_and_generates_nothing_twice(store: Store, tiny: Model) -> None:
    (whole,) = evaluate_plan(store, {"arith": [tiny]}, Asking(SHORT), engine="transformers")
    assert (whole.status, whole.n, whole.n_new) == ("done", 12, 12)
    two = Asking(SHORT, where="difficulty = '2 steps'")
    (part,) = evaluate_plan(store, {"arith": [tiny]}, two, engine="transformers")
    assert part.status == "skipped" and 0 < part.n < 12
    assert part.evaluation_key != whole.evaluation_key
    assert rows(store, f"SELECT split FROM evaluation WHERE evaluation_key = '{part.evaluation_key}'") == [
        ("test where difficulty = '2 steps'",)
    ]
    assert rows(store, "SELECT count(DISTINCT prediction_key) FROM prediction") == [(12,)]
    assert rows(store, "SELECT count(*), sum(n_asked) FROM evaluation_session") == [(1, 12)]
    ((settings,),) = rows(store, "SELECT settings FROM evaluation_session")
    assert json.loads(settings)["device"] == "cpu" and json.loads(settings)["batch_rows"] > 1
    for where, message in (
        ("difficulty = 'none'", "fulfils"),
        ("no_column = 1", "no condition on questions"),
        ("1 = 1); DROP TABLE question; SELECT (1", "no condition|more than one"),
    ):
        with pytest.raises(ConfigError, match=message):
            evaluate_plan(store, {"arith": [tiny]}, Asking(SHORT, where=where), engine="transformers")
    assert rows(store, "SELECT count(*) FROM question") == [(42,)]


def test_a_scores_label_says_engine_version_dtype_decoder_and_batches(
    store: Store, tiny: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    results = evaluate_plan(store, {"arith": [tiny]}, Asking(SHORT), engine="transformers")
    show_scores(store, results)
    said = " ".join(capsys.readouterr().out.split())
    version = importlib.metadata.version("transformers")
    assert f"transformers {version}, float32; greedy, max_new_tokens {SHORT.max_new_tokens}" in said
    assert re.search(r"cpu, batches of at most [\d,]+ rows and [\d,]+ tokens", said)


def test_shots_are_seeded_solved_training_questions_and_in_the_key(store: Store, tiny: Model) -> None:
    def made(seed: int, n: int = 2) -> Any:
        return sheet(store, "arith", Asking(SHORT, shots=Shots(n, seed)))

    first, again, other = made(1), made(1), made(2)
    assert first.exemplars == again.exemplars != other.exemplars
    assert first.setting["shots"] == 2 and first.setting["shots_hash"] != other.setting["shots_hash"]
    train = {q.text: q.gold for q in arith.questions("train", 30)}
    assert all(answer == f"The answer is {train[question]}" for question, answer in first.exemplars)
    (done,) = evaluate_plan(store, {"arith": [tiny]}, Asking(SHORT, limit=3, shots=Shots(2)), engine="transformers")
    (plain,) = evaluate_plan(store, {"arith": [tiny]}, Asking(SHORT, limit=3), engine="transformers")
    assert done.n_new == plain.n_new == 3 and done.evaluation_key != plain.evaluation_key
    longer = rows(store, "SELECT min(prompt_tokens) FROM prediction GROUP BY evaluation_key ORDER BY 1 DESC")
    assert longer[0][0] > 2 * longer[1][0]
    with pytest.raises(ConfigError, match=r"30 training questions to show, and 31"):
        made(1, 31)
    with pytest.raises(ConfigError, match="by nobody to show"):
        sheet(store, "arith", Asking(SHORT, shots=Shots(1, 1, "nobody")))


def test_exemplars_are_earlier_exchanges_of_the_same_template() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(students.locate(students.resolve_student("tiny")))
    template = templates.resolve("plain", tokenizer)
    text = template.few_shot([("One?", "The answer is 1"), ("Two?", "The answer is 2")], "Three?")
    assert text == "<bos>One?\nThe answer is 1<eos>\nTwo?\nThe answer is 2<eos>\nThree?\n"
    assert template.few_shot([], "Three?") == template.prompt("Three?")
    assert templates.encode(tokenizer, text).count(tokenizer.bos_token_id) == 1


def test_more_samples_are_added_to_those_that_are_there(store: Store, tiny: Model) -> None:
    drawn = Decoder("sample", 8, temperature=1.0, top_p=1.0, seed=3)

    def ask(samples: int) -> Any:
        (done,) = evaluate_plan(
            store, {"arith": [tiny]}, Asking(drawn, limit=4, samples=samples), engine="transformers"
        )
        return done

    assert [(r.n, r.n_new) for r in (ask(2), ask(5), ask(5))] == [(8, 8), (20, 12), (20, 0)]
    assert rows(store, "SELECT count(*), max(sample_index), count(DISTINCT prediction_key) FROM prediction") == [
        (20, 4, 20)
    ]
    assert rows(store, "SELECT count(*) FROM evaluation") == [(1,)]
    with pytest.raises(ConfigError, match="same answer by greedy"):
        Asking(SHORT, samples=2)
    with pytest.raises(ConfigError, match="0 samples"):
        Asking(drawn, samples=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "sample", "temperature": 0.0, "top_p": 1.0, "seed": 1}, "temperature above 0"),
        ({"mode": "sample", "temperature": 1.0, "top_p": 0.0, "seed": 1}, "top_p is 0"),
        ({"mode": "sample", "temperature": 1.0, "top_p": 1.0, "seed": -1}, "seed from 0"),
        ({"mode": "sample", "temperature": 1.0, "top_p": 1.0}, "seed from 0"),
        ({"mode": "greedy", "seed": 1}, "are for samples"),
        ({"mode": "beam"}, "beams None"),
        ({"mode": "beam", "beams": 1}, "beams 1"),
        ({"mode": "greedy", "beams": 5}, "beams 5"),
        ({"mode": "best"}, "unknown decoding mode"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"stop": ("",)}, "stop string is empty"),
    ],
)
def test_decoders_that_say_two_things_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Decoder(**fields)


def test_decoding_as_a_server_does_is_for_servers(store: Store, tiny: Model) -> None:
    with pytest.raises(ConfigError, match=r"--decode served is how an endpoint .*, and tiny has none.* Next: --decode"):
        evaluate_plan(store, {"arith": [tiny]}, Asking(Decoder("served", 8)), engine="transformers")
    assert rows(store, "SELECT count(*) FROM evaluation") == [(0,)]


def _adapter(folder: Path, width: int, base: Path) -> Path:
    """A LoRA adapter of `tiny`'s first query layer, for a model of that width."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file(
        {f"{layer}.lora_A.weight": torch.zeros(4, width), f"{layer}.lora_B.weight": torch.zeros(width, 4)},
        folder / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 4, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(base)}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    return folder


def test_an_adapter_brings_its_base_and_one_of_another_base_is_refused(
    store: Store, tiny: Model, tmp_path: Path
) -> None:
    fits = _adapter(tmp_path / "fits", 96, tiny.path)
    models = adapter_model(fits, "plain")
    assert [m.what for m in models] == ["base", "adapter"] and models[0].weights_hash == tiny.weights_hash
    done = evaluate_plan(store, {"arith": models}, Asking(SHORT, limit=3), engine="transformers")
    assert [(r.status, r.n) for r in done] == [("done", 3)] * 2
    assert len(rows(store, "SELECT DISTINCT text, question_key FROM prediction")) == 3  # an adapter of zeros
    assert rows(store, "SELECT what FROM evaluation ORDER BY 1") == [("adapter",), ("base",)]
    wide = _adapter(tmp_path / "wide", 128, tiny.path)
    with pytest.raises(ConfigError, match=r"does not belong to .*96 x 96 there, and the adapter is for 128"):
        adapter_model(wide, "plain")
    lost = _adapter(tmp_path / "lost", 96, tiny.path)
    config = json.loads((lost / "adapter_config.json").read_text())
    (lost / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "somebody/model"}))
    with pytest.raises(ConfigError, match=r"names its base somebody/model, which is no directory .* --base DIR"):
        adapter_model(lost, "plain")
    assert len(adapter_model(lost, "plain", tiny.path)) == 2
    with pytest.raises(ConfigError, match="is an adapter, not a whole model"):
        base_model("x", fits, "plain")


def test_no_gold_and_an_empty_answer_are_never_a_silent_zero(store: Store, tiny: Model) -> None:
    from cotdistill.commands.scores import scores

    with store.write() as con:
        more = [Question("odd", "test", f"Who is number {i}?", "text", None) for i in range(3)]
        more.append(Question("odd", "test", "How many are two?", "number", "2"))
        store.insert(con, "question", [question_row(q) for q in more])
    done = evaluate_plan(store, {"odd": [tiny]}, Asking(SHORT), engine="transformers")
    (row,) = scores(store, done)
    assert (row["n"], row["n_no_gold"], row["n_questions"]) == (1, 3, 1)
    only = evaluate_plan(store, {"odd": [tiny]}, Asking(SHORT, where="gold IS NULL"), engine="transformers")
    (row,) = scores(store, only)
    assert (row["n"], row["accuracy"], row["n_no_gold"]) == (0, None, 3)
    assert (row["wilson_low"], row["wilson_high"]) == (0.0, 1.0)  # nothing is known


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(_reply("So 1 + 1 = 2. The answer is 2")) as running:
        yield running


def _reply(text: str, finish: str = "stop", usage: bool = True) -> Canned:
    counted = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    body: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "served-tiny",
        "choices": [choice],
    }
    return Canned.of(body | ({"usage": counted} if usage else {}))


def _served(server: CannedServer, **more: Any) -> Model:
    return endpoint_model("served", Endpoint((f"{server.root}/v1",), "served-tiny", concurrency=4, **more))


def test_an_endpoint_is_asked_what_students_are_asked(store: Store, server: CannedServer) -> None:
    model = _served(server, key_env="SOME_SERVED_KEY")
    os.environ["SOME_SERVED_KEY"] = "sesame-open"
    try:
        (done,) = evaluate_plan(store, {"arith": [model]}, Asking(replace(SHORT, stop=("The",))))
    finally:
        del os.environ["SOME_SERVED_KEY"]
    assert (done.status, done.n, done.error) == ("done", 12, None)
    bodies = [received.json for received in server.received]
    assert len(bodies) == 12 and {r.key for r in server.received} == {"sesame-open"}
    texts = {q.text for q in arith.questions("test", 12)}
    assert {body["messages"][-1]["content"] for body in bodies} == texts
    assert all(b["temperature"] == 0.0 and b["max_tokens"] == 8 and b["model"] == "served-tiny" for b in bodies)
    found = rows(store, "SELECT DISTINCT text, prompt_tokens, completion_tokens, finish_reason FROM prediction")
    assert found == [("So 1 + 1 = 2. ", 20, 9, "stop")]
    assert rows(store, "SELECT engine, dtype, what, student FROM evaluation") == [
        ("endpoint", "served", "endpoint", "served")
    ]
    assert rows(store, "SELECT count(*) FROM attempt") == [(0,)]  # nobody's bill
    spooled = "".join(p.read_text() for p in store.path.parent.rglob("*") if p.suffix in (".jsonl", ".log"))
    assert "sesame-open" not in spooled
    (keyless,) = evaluate_plan(store, {"arith": [model]}, Asking(SHORT))
    assert keyless.status == "failed" and "SOME_SERVED_KEY, which is not set" in str(keyless.error)
    (beams,) = evaluate_plan(store, {"arith": [_served(server)]}, Asking(Decoder("beam", 8, beams=5)))
    assert beams.status == "failed" and "no common word for beam search" in str(beams.error)


def test_samples_of_an_endpoint_have_seeds_and_unknown_tokens_stay_unknown(store: Store, server: CannedServer) -> None:
    server.answer = _reply("The answer is 3", usage=False)
    drawn = Decoder("sample", 8, temperature=0.5, top_p=0.9, seed=1)
    (done,) = evaluate_plan(store, {"arith": [_served(server)]}, Asking(drawn, limit=3, samples=2))
    assert (done.status, done.n) == ("done", 6)
    bodies = [received.json for received in server.received]
    assert len({body["seed"] for body in bodies}) == 6 and {b["top_p"] for b in bodies} == {0.9}
    assert rows(store, "SELECT count(*), count(completion_tokens) FROM prediction") == [(6, 0)]


def test_a_rejected_prompt_is_a_status_and_a_wrong_key_stops(store: Store, server: CannedServer) -> None:
    from cotdistill.commands.scores import scores

    server.answer = Canned.of({"error": {"message": "maximum context length is 10 tokens"}}, status=400)
    done = evaluate_plan(store, {"arith": [_served(server)]}, Asking(SHORT, limit=3))
    assert (done[0].status, done[0].n) == ("done", 3)
    assert rows(store, "SELECT DISTINCT finish_reason, text FROM prediction") == [("bad_request", "")]
    row = next(r for r in scores(store, done) if r["by"] == "all")
    assert (row["n"], row["n_rejected"], row["n_unparsed"], row["n_correct"]) == (3, 3, 3, 0)
    server.answer = Canned.of({"error": {"message": "wrong key"}}, status=401)
    (failed,) = evaluate_plan(store, {"arith": [_served(server)]}, Asking(SHORT))
    assert (failed.status, failed.n) == ("failed", 3) and "the key was refused" in str(failed.error)
    # What is missing is asked next time, and only that.
    server.answer = _reply("The answer is 4")
    (later,) = evaluate_plan(store, {"arith": [_served(server)]}, Asking(SHORT))
    assert (later.status, later.n, later.n_new) == ("done", 12, 9)


def test_a_teachers_calls_are_recorded_as_its_bill(store: Store, server: CannedServer) -> None:
    priced = {"usd_input": 2.0, "usd_output": 10.0, "record_as": "gpt-test"}
    model = replace(_served(server, **priced), what="teacher")
    (done,) = evaluate_plan(store, {"arith": [model]}, Asking(SHORT, limit=5))
    assert done.status == "done"
    assert rows(store, "SELECT teacher, usd, n_unpriced FROM spend") == [
        ("gpt-test", pytest.approx(5 * (20 * 2 + 9 * 10) / 1e6), 0)
    ]
    assert rows(store, "SELECT count(*) FROM attempt a JOIN prediction p ON p.prediction_key = a.reply_key") == [(5,)]


def test_calls_that_were_turned_away_cost_nothing(store: Store, server: CannedServer) -> None:
    priced = {"usd_input": 2.0, "usd_output": 10.0, "record_as": "gpt-test", "max_usd": 1.0}
    server.answer = Canned.of({"error": {"message": "Incorrect API key", "type": "invalid_request_error"}}, status=401)
    refused = replace(_served(server, **priced), what="teacher")
    (wrong_key,) = evaluate_plan(store, {"arith": [refused]}, Asking(SHORT, limit=5))
    assert wrong_key.status == "failed" and "401" in str(wrong_key.error)
    picky = replace(_served(server, **priced, refuses=("temperature",)), what="teacher")
    (never_sent,) = evaluate_plan(store, {"arith": [picky]}, Asking(SHORT, limit=5))
    assert never_sent.status == "failed" and "temperature" in str(never_sent.error)
    assert rows(store, "SELECT DISTINCT usd, usd_basis FROM attempt") == [(0.0, "free")]
    assert rows(store, "SELECT count(*) FROM reservation ANTI JOIN attempt USING (attempt_key)") == [(0,)]
    assert spent(store) == 0.0


def test_a_model_that_refuses_a_temperature_answers_as_it_samples_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = next(t.name for t in load_registry().values() if t.provider == "openai" and "temperature" in t.refuses)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    words = ["evaluate", "teacher", name, "--dataset", "arith", "--store", str(store.path), "--dry-run"]
    assert CliRunner().invoke(app, words).exit_code == 0
    refused = CliRunner().invoke(app, [*words, "--decode", "greedy"])
    assert isinstance(refused.exception, ConfigError) and "Next: --decode served" in str(refused.exception)


def test_a_cap_is_never_exceeded_and_the_rest_is_asked_under_a_higher_one(store: Store, server: CannedServer) -> None:
    priced = {"usd_input": 2.0, "usd_output": 10.0, "record_as": "gpt-test"}

    def ask(cap: float) -> EvaluationResult:
        served = _served(server, **priced, max_usd=cap, spent_usd=spent(store))
        (done,) = evaluate_plan(store, {"arith": [replace(served, what="teacher")]}, Asking(SHORT, limit=10))
        return done

    a_call = (20 * 2 + 9 * 10) / 1e6
    stopped = ask(3.5 * a_call)
    assert stopped.status == "failed" and "--max-usd" in str(stopped.error)
    assert 0 < stopped.n < 10 and spent(store) == pytest.approx(stopped.n * a_call) and spent(store) <= 3.5 * a_call
    done = ask(1.0)
    assert (done.status, done.n, len(server.received)) == ("done", 10, 10)
    # What a killed evaluation had reserved counts: nobody knows whether it was billed.
    with store.write() as con:
        store.insert(con, "reservation", [{"attempt_key": "x", "reply_key": "r", "teacher": "gpt-test", "usd": 0.5}
                                          | {"reserved_at": "2026-01-02T03:04:05.000000"}])  # fmt: skip
    assert spent(store) == pytest.approx(10 * a_call + 0.5)


def test_cards_and_what_they_share() -> None:
    assert cards([0, 1, 2, 3], 1) == [
        {"CUDA_VISIBLE_DEVICES": str(i), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"} for i in range(4)
    ]
    assert [c["CUDA_VISIBLE_DEVICES"] for c in cards([4, 5, 6, 7], 2)] == ["4,5", "6,7"]
    assert cards([], 1) == []
    for wrong, together in (([0, 0], 1), ([0, 1, 2], 2)):
        with pytest.raises(ConfigError, match="not whole groups"):
            cards(wrong, together)

    def job(*sizes: int) -> Job:
        parts = [Part(f"e{i}", "w", None, {}, [(f"q{j}", "?", 0) for j in range(n)]) for i, n in enumerate(sizes)]
        return Job("m", "plain", "vllm", "float32", 1, "spool", parts)

    four = spread([job(300, 100)], 4)
    assert len(four) == 4
    asked = sorted((part.evaluation_key, q) for one in four for part in one.parts for q, _, _ in part.questions)
    assert asked == sorted([("e0", f"q{j}") for j in range(300)] + [("e1", f"q{j}") for j in range(100)])
    assert max(sum(len(p.questions) for p in one.parts) for one in four) == 100
    assert spread([job(100)], 4) == [job(100)]  # not worth another card
    assert spread([job(500), job(10)], 2) == [job(500), job(10)]
    assert spread([], 4) == []
