"""Plan and submit like `generate --batch`, as a process that can be killed: STORE BASE_URL PROVIDER N PER_BATCH."""

import sys
from pathlib import Path

from cotdistill.gen.batch import Submitted, submit_batches
from cotdistill.gen.batch_reconcile import reconcile_batches
from cotdistill.gen.plan import Order, make_plan, stream_calls, write_pending
from cotdistill.gen.teachers import Teacher
from cotdistill.store.ingest import ingest
from cotdistill.store.locks import only_one
from cotdistill.store.store import Store
from cotdistill.tasks.values import Sampling

SAMPLING = Sampling(temperature=0.5, max_tokens=200)
PRICES = {"usd_input": 2.0, "usd_output": 10.0, "batch_discount": 0.5, "listed_on": "2026-01-01"}


def teacher(base_url: str, provider: str, **more: object) -> Teacher:
    """A priced teacher at the loopback server."""
    url = base_url + "/v1" if provider == "openai" else base_url
    entry = {"name": "t", "provider": provider, "model": "gpt-4o" if provider == "openai" else "gemini-test"}
    return Teacher.model_validate(entry | {"base_url": url, "key_env": "BATCH_TEST_KEY"} | PRICES | more)


def submit(store: Store, asked: Teacher, n: int | None, per_batch: int | None, **more: object) -> Submitted:
    """Reconcile, plan, submit: what the command does."""
    from cotdistill.gen.prompts import recipes

    order = Order(asked, "arith", tuple(recipes([3], ["original"], "no")), SAMPLING, limit=n)
    with only_one(store.spool_dir, "harvest"):
        ingest(store, store.spool_dir)
        reconcile_batches(store)
        make_plan(store, order)
        path = store.spool_dir / "pending.parquet"
        write_pending(store, order, path)
        calls = stream_calls(order, path)
        return submit_batches(store, asked, calls, SAMPLING, max_requests=per_batch, **more)  # type: ignore[arg-type]


if __name__ == "__main__":
    folder, url, kind, count, size = sys.argv[1:]
    done = submit(Store.open(Path(folder)), teacher(url, kind), int(count), int(size))
    print(done.n_requests)
