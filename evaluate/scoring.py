"""How rationales look to a student before any training: mean negative log-likelihood and mean rank of their tokens.

What a student finds likely already it learns little from, what it finds absurd it cannot learn: rank over likelihood
predicts which supervision works (RSR, arXiv 2601.14249). Measured behind the question by the student's own template, on
exactly the tokens that training would teach, the end mark among them. `python -m cotdistill.evaluate.scoring` is the
worker; scores are spooled by batch.
"""

import importlib.util
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import workers
from ..errors import ConfigError, EvaluationError, MissingExtra
from ..store.cells import Cell
from ..store.ingest import ingest
from ..store.spool import SpoolWriter, utc_now
from ..store.store import Store
from ..tasks import templates
from ..tasks.render import question_text
from ..tasks.values import Question
from .batching import Row, batches, context_of
from .models import SQL, Model

_LOGIT_BYTES = 512 << 20  # what one batch's scores over the vocabulary may take
_MOST_ROWS = 64
_JOB_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """One rationale behind its question, as texts."""

    rationale_key: str
    question: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one rationale: means over `n_tokens`; none where it does not fit into the student's context."""

    rationale_key: str
    n_tokens: int
    mean_nll: float | None = None
    mean_rank: float | None = None
    mean_log_rank: float | None = None


class Scorer:
    """One untrained student. `dtype` as everywhere float32 on a CPU."""

    def __init__(self, path: Path, template: str, dtype: str) -> None:
        """Load. EvaluationError when the directory cannot be read as a causal language model."""
        import torch
        import transformers

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cpu":
            torch.set_num_threads(1)
            torch.set_flush_denormal(True)
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path)
            model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EvaluationError(f"cannot load the model in {path}: {first}. Next: --student DIR") from error
        self.model: Any = model.to(self.device).eval()
        self.template = templates.resolve(template, self.tokenizer)
        config = self.model.config.get_text_config()
        self.limit = context_of(config) or 2**31
        self.most_tokens = max(1, _LOGIT_BYTES // (4 * int(config.vocab_size)))

    def score(self, items: Sequence[Item]) -> Iterator[list[Scored]]:
        """Score everything, batch by batch, the longest first."""
        pairs = [templates.encode_pair(self.tokenizer, self.template, item.question, item.rationale) for item in items]
        fits = [len(prompt) + len(answer) <= self.limit for prompt, answer in pairs]
        if not all(fits):
            yield [Scored(item.rationale_key, 0) for item, ok in zip(items, fits, strict=True) if not ok]
        rows = [
            Row(i, len(prompt) + len(answer), 0)
            for i, ((prompt, answer), ok) in enumerate(zip(pairs, fits, strict=True))
            if ok
        ]
        for batch in batches(rows, most_rows=_MOST_ROWS, most_tokens=self.most_tokens):
            yield self._batch([(items[row.index], *pairs[row.index]) for row in batch])

    def _batch(self, rows: Sequence[tuple[Item, list[int], list[int]]]) -> list[Scored]:
        import torch

        width = max(len(prompt) + len(answer) for _, prompt, answer in rows)
        # Padded on the right: a causal model's tokens do not see what follows them.
        ids = torch.tensor([p + a + [0] * (width - len(p) - len(a)) for _, p, a in rows], device=self.device)
        mask = torch.tensor(
            [[1] * (len(p) + len(a)) + [0] * (width - len(p) - len(a)) for _, p, a in rows], device=self.device
        )
        scored = []
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            for (item, prompt, answer), row in zip(rows, logits, strict=True):
                start = len(prompt) - 1
                mine = row[start : start + len(answer)].float()
                target = torch.tensor(answer, device=self.device)
                chosen = mine.gather(1, target[:, None])
                nll = mine.logsumexp(1) - chosen[:, 0]
                rank = (mine > chosen).sum(1) + 1
                means = (float(nll.mean()), float(rank.double().mean()), float(rank.double().log().mean()))
                scored.append(Scored(item.rationale_key, len(answer), *means))
        return scored


def score_rationales(
    store: Store,
    model: Model,
    cells: Sequence[Cell],
    *,
    limit: int | None = None,
    dtype: str = "float32",
    processes: int = 2,
    progress: Any = None,
) -> tuple[int, int]:
    """Score the cells' rationales that `model` has not scored yet (to the first `limit` questions of each data set, the
    same for all): (wanted, scored now). `progress(done, total)`. ConfigError: there are none. EvaluationError: a worker
    failed; what was scored before is kept."""
    if any(importlib.util.find_spec(m) is None for m in ("torch", "transformers")):
        raise MissingExtra("torch", "cpu")
    ingest(store, store.spool_dir)
    names = {"cells": [cell.key for cell in cells], "limit": limit or 2**62}
    names |= {"weights": model.weights_hash, "template": model.template, "dtype": dtype}
    with store.read() as con:
        rows = con.execute((SQL / "to_score.sql").read_text(), names).fetchall()
    if not rows:
        raise ConfigError(f"{store.path} has no rationales of these cells. Next: cotdistill status --cells")
    items = [
        Item(key, question_text(Question(dataset, split, stem, kind, gold, tuple(choices))), text)
        for key, text, dataset, split, stem, choices, kind, gold, has_score in rows
        if not has_score
    ]
    size = max(1, min(_JOB_ROWS, -(-len(items) // processes)))
    jobs = [
        {
            "path": str(model.path.resolve()),
            "template": model.template,
            "dtype": dtype,
            "student": model.student,
            "weights_hash": model.weights_hash,
            "spool_dir": str(store.spool_dir.resolve()),
            "items": [asdict(item) for item in items[start : start + size]],
        }
        for start in range(0, len(items), size)
    ]
    done = dict.fromkeys(range(len(jobs)), 0)

    def heard(job: int, message: workers.Message) -> None:
        if progress and message.get("event") == "batch":
            done[job] = int(message["done"])
            progress(sum(done.values()), len(items))

    outcomes = workers.run_jobs(
        "cotdistill.evaluate.scoring",
        jobs,
        processes=processes,
        log_dir=store.dir_for("runs") / "logs",
        on_message=heard,
    )
    ingest(store, store.spool_dir)
    if failed := [outcome.error for outcome in outcomes if outcome.status != "done"]:
        raise EvaluationError(f"scoring with {model.student} failed: {failed[0]}")
    return len(rows), len(items)


def do(message: workers.Message, say: workers.Say) -> Mapping[str, Any]:
    """The worker: score a job's rationales. Every batch is received by the spool before the next is begun."""
    started = told = time.monotonic()
    scorer = Scorer(Path(message["path"]), message["template"], message["dtype"])
    items = [Item(**item) for item in message["items"]]
    same = {name: message[name] for name in ("weights_hash", "template", "dtype", "student")}
    done = 0
    with SpoolWriter(Path(message["spool_dir"]), "score") as spool:
        for batch in scorer.score(items):
            now = utc_now()
            spool.append_all([("rationale_score", {**asdict(one), **same, "scored_at": now}) for one in batch])
            done += len(batch)
            if time.monotonic() - told > 0.5 or done == len(items):
                told = time.monotonic()
                say({"event": "batch", "done": done, "total": len(items)})
    return {"n": done, "seconds": time.monotonic() - started}


if __name__ == "__main__":
    workers.serve(do)
