"""The data card of an export: README.md with the hub's YAML header, rendered from the folder's manifest alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .card_loading import how_to_load, on_the_hub
from .formats import FORMATS
from .terms import is_own, terms_of

HUB_LICENCES = {"MIT": "mit", "Apache-2.0": "apache-2.0"}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGER = "10M<n<100M"
_CELL_COLUMNS = (
    "corpus", "data set", "teacher", "level", "format", "gold shown", "n", "correct", "wrong", "unparsed", "steps",
    "tokens", "altered",
)  # fmt: skip


def card(manifest: Mapping[str, Any]) -> str:
    """The whole README.md of a folder whose manifest this is (export.py)."""
    corpora, files = manifest["corpora"], manifest["files"]
    parts = [
        _header(corpora, files),
        f"# {_title(corpora)}",
        "Chain-of-thought rationales for supervised fine-tuning, chosen and exported by cotdistill "
        f"{manifest['version']}. `manifest.json` holds what is said here for programs: rules, counts, hashes of "
        "corpora and files.",
        "## Files",
        _files(corpora, files),
        "## What is in it",
        _statistics(corpora),
        "## What was left out",
        _left_out(corpora),
        "## How to load it",
        how_to_load(manifest),
        "## Licences and terms",
        licences(_union(corpora, "datasets"), _union(corpora, "teachers")),
    ]
    return "\n\n".join(parts) + "\n"


def _header(corpora: Mapping[str, Any], files: Mapping[str, Any]) -> str:
    datasets, teachers = _union(corpora, "datasets"), _union(corpora, "teachers")
    licences = {d["licence"] for d in datasets}
    [only] = licences if len(licences) == 1 else [None]
    lines = ["---"]
    if only in HUB_LICENCES and all(is_own(t) for t in teachers):
        lines.append(f"license: {HUB_LICENCES[only]}")
    else:
        lines += ["license: other", "license_name: see-licences-and-terms"]
    lines += ["task_categories:", "- text-generation", "- question-answering"]
    if languages := {d["language"] for d in datasets} - {None}:
        lines += ["language:", *(f"- {language}" for language in sorted(languages))]
    lines += ["tags:", "- chain-of-thought", "- distillation", "- sft", "- cotdistill"]
    lines += [f"pretty_name: {json.dumps(_title(corpora), ensure_ascii=False)}"]
    n = sum(corpus["n_rows"] for corpus in corpora.values())
    lines += ["size_categories:", f"- {next((name for below, name in _SIZES if n < below), _LARGER)}"]
    configs: dict[str, list[tuple[str, str]]] = {}
    for name, entry in on_the_hub(files).items():
        configs.setdefault(FORMATS[entry["format"]].key(entry["corpus"]), []).append((entry["split"], name))
    lines.append("configs:")
    for config, found in configs.items():
        lines += [f"- config_name: {json.dumps(config, ensure_ascii=False)}", "  data_files:"]
        for split, name in found:
            lines += [f"  - split: {split}", f"    path: {json.dumps(name, ensure_ascii=False)}"]
    return "\n".join([*lines, "---"])


def _title(corpora: Mapping[str, Any]) -> str:
    names = list(corpora)
    return f"Rationales: {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _files(corpora: Mapping[str, Any], files: Mapping[str, Any]) -> str:
    rows = [
        (
            f"`{name}`",
            e["format"],
            e["split"],
            f"{e['n_rows']:,}",
            f"{e['n_bytes'] / 1e6:,.1f}",
            f"`{e['corpus_hash']}`",
        )
        for name, e in files.items()
    ]
    return table(("file", "format", "split", "rows", "MB", "corpus hash"), rows)


def _statistics(corpora: Mapping[str, Any]) -> str:
    whole = table(
        ("corpus", "rows", "questions", "tokens"),
        [(f"`{s}`", f"{c['n_rows']:,}", f"{c['n_questions']:,}", f"{c['n_tokens']:,}") for s, c in corpora.items()],
    )
    cells = [
        (
            f"`{stem}`",
            cell["dataset"],
            cell["teacher"],
            _shown(cell["level"]),
            cell["format"] or "unknown",
            cell["gold_visible"],
            f"{cell['n_rows']:,}",
            *(_share(cell[f"n_{verdict}"], cell["n_rows"]) for verdict in ("correct", "wrong", "unparsed")),
            _shown(cell["mean_steps"]),
            _shown(cell["mean_tokens"]),
            f"{cell['n_altered']:,}",
        )
        for stem, corpus in corpora.items()
        for cell in corpus["cells"]
    ]
    counters = sorted({corpus["token_counter"] for corpus in corpora.values()})
    return "\n\n".join(
        [
            whole,
            "By cell: what the teacher was asked for, how its rationales were judged (of n rows), and what came back "
            "(means over rows). `altered` rows say something else than the rationale they stand for: a control arm.",
            table(
                _CELL_COLUMNS,
                cells,
            ),
            f"Tokens are word pieces by a fixed rule ({'; '.join(counters)}), of the rationales without the questions: "
            "no tokenizer's count. The level is what was asked for; steps and tokens are what came back.",
        ]
    )


def _left_out(corpora: Mapping[str, Any]) -> str:
    rows = [
        (f"`{stem}`", str(why), f"{n:,}" if isinstance(n, int) else str(n))
        for stem, corpus in corpora.items()
        for why, n in corpus["left_out"].items()
    ]
    guard = "No question whose words are in any test split that was loaded is in these files."
    return "\n\n".join([table(("corpus", "why", "rows"), rows), guard] if rows else ["Nothing.", guard])


def licences(datasets: Sequence[Mapping[str, Any]], teachers: Sequence[Mapping[str, Any]]) -> str:
    """Under what terms the questions and the rationales are: export_rows.licence, and the teachers of their query."""
    questions = [
        (
            d["dataset"],
            d["licence"] or "not known to cotdistill: add it",
            "; ".join(filter(None, (d["licence_from"], d["note"]))) or "-",
        )
        for d in datasets
    ]
    wrote = [(t["teacher"], ", ".join(filter(None, t["models"])) or "-", terms_of(t)) for t in teachers]
    return "\n\n".join(
        [
            "The questions keep the licence of their data sets:",
            table(("data set", "licence", "where it is stated"), questions),
            "What a teacher wrote is subject to its provider's terms of use, some of which restrict training other "
            "models on it. Whoever publishes or trains on these files checks them; this list names where to look and "
            "is no legal advice:",
            table(("teacher", "models", "to be checked"), wrote),
        ]
    )


def _union(corpora: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """The entries of all corpora's lists, each once."""
    found: list[dict[str, Any]] = []
    for corpus in corpora.values():
        found += [entry for entry in corpus[part] if entry not in found]
    return found


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:,}"


def _share(n: int, of: int) -> str:
    return f"{n / of:.1%}" if of else "-"
