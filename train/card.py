"""The model card beside a run's weights: what it is, what it was trained on and how, in the hub's form."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..store.corpora import Corpus
from .profiles import Profile
from .students import Student

_CARD = """---
library_name: {library}
base_model: {base}
license: other
license_name: {licence_name}
tags: [chain-of-thought, distillation, cotdistill]
---

# {title}

{student} fine-tuned on chain-of-thought rationales by cotdistill, trainer `{trainer}`.

| what | value |
| --- | --- |
{facts}

Licence of the base model: {licence}. Whoever publishes these weights also checks the terms of the teacher that wrote
the rationales, and the licence of the questions.

## Training profile

```json
{profile}
```

## Corpus

```json
{manifest}
```
"""


def write_card(
    folder: Path,
    *,
    student: Student,
    corpus: Corpus,
    profile: Profile,
    seed: int,
    trainer: str,
    run_key: str,
    base_hash: str,
    template: str,
    outcome: Mapping[str, Any],
) -> Path:
    """Write `folder`/README.md. Figures are those of the run's `finished` event; a missing one is left out."""
    facts = {
        "run": run_key,
        "base": student.hub_id or student.name,
        "base hash": base_hash,
        "corpus": corpus.name,
        "corpus hash": corpus.corpus_hash,
        "rows": outcome.get("n_pairs"),
        "rows cut at max_tokens": outcome.get("n_cut"),
        "template": template,
        "seed": seed,
        "steps": outcome.get("steps"),
        "tokens read": outcome.get("tokens"),
        "last training loss": outcome.get("final_loss"),
        "validation loss": outcome.get("validation_loss"),
        "seconds": outcome.get("seconds"),
        "weights": outcome.get("saved"),
        "numbers": outcome.get("dtype"),
        "weights hash": outcome.get("weights_hash"),
    }
    lines = [f"| {name} | {_shown(value)} |" for name, value in facts.items() if value is not None]
    path = folder / "README.md"  # over the one that peft writes
    path.write_text(
        _CARD.format(
            library="peft" if outcome.get("saved") == "adapter" else "transformers",
            base=student.hub_id or student.name,
            licence_name=(student.licence or "unknown").lower().replace(" ", "-"),
            title=f"{student.name} on {corpus.name}",
            student=student.name,
            trainer=trainer,
            facts="\n".join(lines),
            licence=student.licence or "not known to cotdistill",
            profile=json.dumps(profile.model_dump(mode="json"), indent=2),
            manifest=json.dumps(corpus.manifest, indent=2, default=str),
        ),
        encoding="utf-8",
    )
    return path


def _shown(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
