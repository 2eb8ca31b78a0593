"""`cotdistill generate`: harvest rationales from a teacher, planned and priced before anything is bought."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .buy import buy, plan, submit
from .common import (
    DEFAULT_STORE,
    JsonOption,
    LimitOption,
    PromptsOption,
    RegistryOption,
    SplitOption,
    StoreOption,
    check_cap,
    open_store,
    print_json,
    print_rows,
    say,
    usd,
    words,
)

if TYPE_CHECKING:
    from ..gen.batch import Submitted
    from ..gen.tally import Tally
    from ..gen.teachers import Teacher


def generate(
    teacher: Annotated[str, typer.Option(help="A teacher's name; an unknown one needs --base-url.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data sets, comma-separated; without it every loaded one with this split.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Levels: 4, or 1,3,5, or 1-6, or names; without it all.")] = None,
    format: Annotated[
        str,
        typer.Option(
            help="original, least-to-most, rephrase-and-respond, symbolic, answer-only, yours; comma-separated."
        ),
    ] = "original",
    split: SplitOption = "train",
    limit: LimitOption = None,
    samples: Annotated[int, typer.Option(min=1, help="Replies per question.")] = 1,
    gold_visible: Annotated[bool, typer.Option(help="Show the teacher the gold answer.")] = False,
    temperature: Annotated[float | None, typer.Option(min=0.0, max=2.0)] = None,
    top_p: Annotated[float | None, typer.Option(min=0.0, max=1.0)] = None,
    seed: Annotated[int | None, typer.Option(help="Sent to providers that take one.")] = None,
    reasoning_effort: Annotated[str | None, typer.Option(help="For reasoning models.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Completion tokens at most, thinking included; default: the registry's.")
    ] = None,
    redo: Annotated[
        str | None,
        typer.Option(help="Buy only these again: truncated, refused, filtered, malformed, empty, bad_request."),
    ] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0.0, help="Stop before the store's total spend exceeds this.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Calls open at once, at most.")] = 32,
    requests_per_minute: Annotated[float | None, typer.Option(min=1.0, help="Instead of the registry's.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(min=1.0, help="Instead of the registry's.")] = None,
    deadline: Annotated[float, typer.Option(min=1.0, help="Seconds until a call without an answer is cut.")] = 300.0,
    shard: Annotated[str, typer.Option(help="The i-th of n parts of the questions, for many machines.")] = "0/1",
    transport: Annotated[str, typer.Option(help="wire, or sdk: the provider's own library, slower.")] = "wire",
    base_url: Annotated[str | None, typer.Option(help="The endpoint, instead of the registry's.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, instead of the registry's.")] = None,
    teachers: RegistryOption = None,
    prompts: PromptsOption = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Submit to the provider's batch API, at its batch price; then: collect.")
    ] = False,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Requests a batch at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and its price; buy nothing.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Harvest rationales from a teacher: what is in the store is never asked again."""
    from ..gen.prompts import load_prompts, recipes
    from ..gen.purchase import Purchase
    from ..gen.teachers import connect, find_teacher, load_registry
    from ..tasks.values import Sampling

    found = find_teacher(teacher, registry=load_registry(teachers), base_url=base_url, model=model)
    asked = load_prompts(prompts)
    levels = asked.find_levels(words(level) or [str(one.number) for one in asked.levels])
    wanted = recipes(levels, words(format) or ["original"], "yes" if gold_visible else "no", asked)
    check_cap(found, max_usd)
    if transport not in ("wire", "sdk"):
        raise ConfigError(f"unknown --transport {transport!r}. Next: wire or sdk")
    sampling = Sampling(temperature, top_p, seed, reasoning_effort, max_tokens or found.max_tokens)
    found.check(sampling)
    if not dry_run and found.provider != "builtin":
        connect(found)  # a missing key is said before anything else happens
    if batch and found.provider not in ("openai", "gemini"):
        raise ConfigError(
            f"--batch needs a provider with a batch API (openai, gemini); {found.name} is {found.provider}. "
            f"Next: the same without --batch"
        )
    purchase = Purchase(
        found,
        tuple(wanted),
        sampling,
        split=split,
        limit=limit,
        samples=samples,
        shard=_shard(shard),
        redo=tuple(_statuses(redo)),
        max_usd=max_usd,
        concurrency=concurrency,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        deadline_s=deadline,
        transport="sdk" if transport == "sdk" else "wire",
        base_url=base_url,
        batch=batch,
        batch_size=batch_size,
        prompts=prompts,
    )
    if dry_run:
        plan(store, purchase, dataset, as_json=as_json)
        return
    if batch:
        _show_submitted(submit(store, purchase, dataset), found, as_json)
        return
    tally = buy(store, purchase, dataset)
    _show_tally(tally, found, store, as_json)
    if tally.n_left > 0:
        raise typer.Exit(1)


def _shard(text: str) -> tuple[int, int]:
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal() and int(i) < int(n)):
        raise ConfigError(f"--shard {text!r} is not i/n with i from 0 to n-1. Next: --shard 0/4 on the first of four")
    return int(i), int(n)


def _statuses(text: str | None) -> list[str]:
    known = ("truncated", "refused", "filtered", "malformed", "empty", "bad_request")
    chosen = words(text) or []
    for status in chosen:
        if status not in known:
            raise ConfigError(f"--redo {status!r} cannot be bought again. Next: one of {', '.join(known)}")
    return chosen


def _show_submitted(done: "Submitted", teacher: "Teacher", as_json: bool) -> None:
    if as_json:
        result = {"teacher": teacher.name, "batches": done.batch_keys, "requests": done.n_requests}
        print_json(result | {"usd_most": done.usd_most})
    if done.n_requests:
        say(f"submitted {done.n_requests:,} requests in {done.n_batches} batches, at most {usd(done.usd_most)}")
        say("Next: cotdistill collect --wait")
    else:
        say("nothing is pending: no batch was made")


def _show_tally(tally: "Tally", teacher: "Teacher", store: Path, as_json: bool) -> None:
    result = {
        "teacher": teacher.name,
        "wanted": tally.n_wanted,
        "cached": tally.n_cached,
        "received": tally.n_done,
        "unusable": tally.n_unusable,
        "failed": tally.n_failed,
        "left": tally.n_left,
        "usd": round(tally.usd, 6),
        "calls_unpriced": tally.unpriced,
        "replies_per_s": round(tally.rate, 1),
    }
    if as_json:
        print_json(result)
    else:
        print_rows(tuple(result), [tuple(result.values())], as_json=False)
    if tally.n_unusable and not tally.store_busy:
        say(_unusable(store, teacher))
    if tally.store_busy:
        say(f"{store} is held open by another program; the replies wait in the spool. Next: cotdistill ingest")
    elif tally.n_left > 0:
        say(f"{tally.n_left:,} replies are left. Next: the same command again; nothing received is asked twice")
    else:
        say("Next: cotdistill train --student tiny, or cotdistill export --to llamafactory")


def _unusable(path: Path, teacher: "Teacher") -> str:
    """Which of the teacher's replies cannot be used, and how they are bought again."""
    with open_store(path).read() as con:
        found = con.execute(
            "SELECT reply_status, count(*) FROM member_now JOIN cell USING (cell_key) "
            "WHERE teacher = ? AND reply_status <> 'ok' GROUP BY 1 ORDER BY 2 DESC",
            [teacher.name],
        ).fetchall()
    counts = ", ".join(f"{n:,} {status}" for status, n in found)
    more = " --max-tokens N" if any(status == "truncated" for status, _ in found) else ""
    return f"cannot be used: {counts}. Next, to buy those again: the same command with --redo {found[0][0]}{more}"
