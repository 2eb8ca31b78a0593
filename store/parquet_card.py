"""The card of a store that was written as Parquet: README.md with the hub's YAML header, from the manifest alone."""

import json
from collections.abc import Mapping
from typing import Any

from .card import licences, table


def card(manifest: Mapping[str, Any]) -> str:
    """The whole README.md. Every table that has rows is a configuration, so that `datasets` loads it by its name."""
    filled = {name: entry for name, entry in manifest["tables"].items() if entry["n_rows"]}
    first = next(
        (name for name in ("rationale", "reply", "question") if name in filled), next(iter(filled), "question")
    )
    parts = [
        _header(filled),
        "# A cotdistill store",
        f"Every table of an experiment in chain-of-thought distillation, as Parquet: what teachers were asked and "
        f"answered, how it was judged, what students were trained on and how they did. Schema {manifest['schema']}, "
        f"written by cotdistill {manifest['version']} at {manifest['written_at']} UTC; `store-manifest.json` says it "
        f"for programs. Bring it into a store of yours with `cotdistill store import DIR`; twice changes nothing.",
        "It holds test questions with their answers. It is no training data as it is: `cotdistill export` makes that, "
        "without them.",
        table(
            ("table", "rows", "MB", "folders by", "content hash"),
            [
                (
                    f"`{name}`",
                    f"{entry['n_rows']:,}",
                    f"{sum(file['n_bytes'] for file in entry['files']) / 1e6:,.1f}",
                    ", ".join(entry["partitioned_by"]) or "-",
                    f"`{entry['content_hash']}`",
                )
                for name, entry in filled.items()
            ],
        ),
        "Columns that folders are named by are in the files, too. A content hash is of a table's rows, whatever their "
        "order: two laboratories with equal hashes hold the same rows.",
        "## How to read it",
        f'```python\nimport polars as pl\n\npl.scan_parquet("{first}/**/*.parquet").select(pl.len()).collect()\n```',
        f"```sql\n-- DuckDB, in this folder\nSELECT count(*) FROM read_parquet('{first}/**/*.parquet', "
        f"hive_partitioning = true);\n```",
        f'```python\nfrom datasets import load_dataset\n\nload_dataset(".", "{first}", split="train")\n```',
        "## Licences and terms",
        licences(manifest["datasets"], manifest["teachers"]),
    ]
    return "\n\n".join(parts) + "\n"


def _header(filled: Mapping[str, Any]) -> str:
    lines = ["---", "license: other", "license_name: see-licences-and-terms", "configs:"]
    for name in filled:
        lines += [f"- config_name: {name}", f"  data_files: {json.dumps(f'{name}/**/*.parquet')}"]
    return "\n".join([*lines, "---"])
