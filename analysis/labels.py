"""How supervisions, numbers and decoders are written for people: the same words in tables, plots and sentences."""

import json
from typing import Any

SHORT_FORMATS = {"least-to-most": "least-to-most", "rephrase-and-respond": "rephrase", "symbolic": "symbolic"}
UNTOUCHED = "untouched"
ANSWER_ONLY = "answer-only"


def recipe(level: int | None, format: str | None, gold_visible: str | None = None) -> str:
    """`level 5`, `level 5 symbolic`, `answer-only`, `no level`; whether gold was shown only where it is known."""
    if format == ANSWER_ONLY:
        return ANSWER_ONLY
    words = [f"level {level}" if level is not None else "no level"]
    if format in SHORT_FORMATS:
        words.append(SHORT_FORMATS[format])
    if gold_visible == "yes":
        words.append("+gold")
    return " ".join(words)


def recipe_of(row: dict[str, Any]) -> str:
    """The recipe of a row that has the columns of a cell; a named corpus's name where its rows are of no one cell; the
    untouched base where it has neither, or what else it is (a teacher, an endpoint)."""
    if row.get("what") not in (None, "run", "base"):
        return {"teacher": "teacher, unaided"}.get(row["what"], str(row["what"]))
    if row.get("corpus_name") is not None and row["cell_key"] is None:
        return str(row["corpus_name"])
    if row.get("trained_on", row.get("dataset")) is None or ("trained_on" in row and row["teacher"] is None):
        return UNTOUCHED
    text = recipe(row["level"], row["format"], row.get("gold_visible"))
    hidden = row.get("gold_visible") == "no" and str(row.get("prompt_version", "")).startswith(("import", "paper"))
    return text + " -gold" if hidden else text


def percent(share: float | None) -> str:
    """`61.5`; `-` for nothing."""
    return "-" if share is None else f"{100 * share:.1f}"


def span(low: float, high: float) -> str:
    """`54.8-68.0`, in percent."""
    return f"{100 * low:.1f}-{100 * high:.1f}"


def points(difference: float) -> str:
    """`+12.0` percentage points, with a real minus sign left out: plain ASCII for terminals."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def p_value(p: float) -> str:
    """`0.012`, `<0.001`."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def decoder(text: str) -> str:
    """A decoder's (or versions') JSON in words: `greedy, max_new_tokens 64`. A command line is left out: it names
    folders."""
    try:
        fields = json.loads(text)
    except ValueError:
        return text
    if not isinstance(fields, dict):
        return text
    mode = fields.pop("mode", None)
    rest = [f"{k} {v}" for k, v in sorted(fields.items()) if v is not None and k != "argv"]
    return ", ".join([*([str(mode)] if mode else []), *rest])


def batches(settings: str) -> str:
    """An engine's recorded settings (JSON) in words: `cpu, batches of at most 128 rows and 16,384 tokens`.

    Addresses are left out.
    """
    fields: dict[str, Any] = json.loads(settings)
    said = [str(fields.pop("device"))] if "device" in fields else []
    rows, tokens = fields.pop("batch_rows", None), fields.pop("batch_tokens", None)
    if rows is not None:
        said.append(f"batches of at most {rows:,} rows and {tokens:,} tokens")
    if (calls := fields.pop("concurrency", None)) is not None:
        said.append(f"at most {calls:,} calls at once")
    fields.pop("base_urls", None)
    return ", ".join([*said, *(f"{k.replace('_', ' ')} {v}" for k, v in fields.items())])


def count(n: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def span_points(low: float, high: float) -> str:
    """`+5.0..+19.0`, in percentage points."""
    return f"{points(low)}..{points(high)}"
