"""`cotdistill collect`: fetch what batches have brought."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import DEFAULT_STORE, Bar, JsonOption, StoreOption, open_store, print_json, print_rows, say, settle, usd

if TYPE_CHECKING:
    from ..gen.batch_collect import BatchState, Collected

COLUMNS = ("batch", "provider", "state", "requests", "done", "failed", "age")


def collect(
    wait: Annotated[bool, typer.Option("--wait", help="Ask again until every batch has ended.")] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks, with --wait.")] = 60.0,
    teacher: Annotated[str | None, typer.Option(help="Only this teacher's batches.")] = None,
    give_up: Annotated[
        str | None, typer.Option("--give-up", help="Stop waiting for this batch; its replies are pending again.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fetch the results of batches that `generate --batch` submitted; what they did not bring is pending again."""
    from ..gen.batch_collect import Collected, collect_batches
    from ..gen.batch_collect import give_up as close

    opened = open_store(store, patience_s=float("inf"))
    if give_up is not None:
        close(opened, give_up)
        say(f"batch {give_up} is closed; what it may have cost stays counted")
    total = Collected()
    seen: dict[str, BatchState] = {}
    warned: set[str] = set()
    failed = False
    with Bar("batches") as bar:
        while True:
            done = collect_batches(opened, teacher=teacher)
            seen |= {batch.batch_key: batch for batch in done.batches}
            _add(total, done)
            bar.update(sum(b.closed for b in seen.values()), len(seen), f"received {total.n_received:,}")
            for said in (*done.problems, *done.troubles):
                if said not in warned:
                    say(f"warning: {said}")
            warned |= {*done.problems, *done.troubles}
            failed = failed or bool(done.problems)
            if not wait or done.n_open <= done.n_stuck:
                break
            time.sleep(every)
    settle(opened)
    total.batches = list(seen.values())
    _show(total, as_json)
    if total.n_strays:
        say(
            f"{total.n_strays:,} result lines fit no request and were kept aside. "
            f'Next: cotdistill sql "SELECT reason, line FROM batch_stray"'
        )
    if failed or done.troubles:
        raise typer.Exit(1)


def _add(total: "Collected", part: "Collected") -> None:
    total.n_received += part.n_received
    total.n_errors += part.n_errors
    total.n_strays += part.n_strays
    total.usd += part.usd
    total.n_unpriced += part.n_unpriced


def _show(done: "Collected", as_json: bool) -> None:
    result: dict[str, Any] = {
        "received": done.n_received,
        "errors": done.n_errors,
        "strays": done.n_strays,
        "usd": round(done.usd, 6),
        "calls_unpriced": done.n_unpriced,
        "open": done.n_open,
    }
    rows = [_row(batch, as_json) for batch in done.batches]
    if as_json:
        print_json({"batches": [dict(zip(COLUMNS, row, strict=True)) for row in rows]} | result)
        return
    if not rows:
        say("no batch is open. Next: cotdistill generate --teacher gpt-4o-mini --batch")
        return
    print_rows(COLUMNS, rows, as_json=False)
    cost = usd(None) if done.n_unpriced else usd(done.usd)
    say(f"received {done.n_received:,} replies for {cost}, {done.n_errors:,} errors; {done.n_open} batches are open")


def _row(batch: "BatchState", as_json: bool) -> tuple[Any, ...]:
    seconds = (datetime.now(UTC).replace(tzinfo=None) - batch.intended_at).total_seconds()
    name = batch.remote_id or batch.batch_key
    age: object = round(seconds, 1) if as_json else _age(seconds)
    return (name, batch.provider, batch.state, batch.n_requests, batch.n_done, batch.n_failed, age)


def _age(seconds: float) -> str:
    """`4 s`, `12 min`, `3.2 h`: how long ago a batch was made."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
