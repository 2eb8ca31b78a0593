"""The report's parts about what the store holds: realised length, coverage, spend, and how it was made."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from . import charts, page
from .answers import Row, load
from .charts_base import sized
from .labels import ANSWER_ONLY, batches, decoder, percent, recipe_of
from .page import Html, Section
from .points import series
from .spend import dollars

GENERATE = "cotdistill generate --teacher builtin-strict --dataset arith --level 1,3,5"


def dose_section(rows: Sequence[Row], doses: Sequence[Row], colours: Mapping[str, str]) -> Section:
    """Whether asking for a finer level made rationales longer."""
    if not rows:
        return Section(
            "dose", "Realised length by level", [page.nothing("There are no rationales yet.", GENERATE)], "Dose check"
        )
    panels: dict[str, list[Row]] = defaultdict(list)
    for r in rows:
        panels[r["dataset"]].append(
            {
                "place": "no level" if r["level"] is None else str(r["level"]),
                "series": series(r) + (", gold shown" if r["gold_visible"] == "yes" else ""),
                "colour": colours[r["teacher"]],
                "shape": "gold shown" if r["gold_visible"] == "yes" else r["format"],
                **{k: r[k] for k in ("p10", "p25", "p50", "p75", "p90", "n")},
            }
        )
    plots = []
    for title, part in panels.items():
        sizes = sorted({p["n"] for p in part})
        n = f"n = {sizes[0]:,}" + (f" to {sizes[-1]:,}" if len(sizes) > 1 else "") + " rationales a cell"
        plot = sized(charts.token_boxes, part, alone=len(panels) == 1)
        label = f"Realised tokens by requested level, {title}: " + "; ".join(
            f"{p['series']} level {p['place']} median {p['p50']:.0f}" for p in part[:24]
        )
        plots.append(page.figure(title, plot, label, n=n, behind=_quantiles(part)))
    rising = page.table(*_rising(doses), words=3) if doses else page.paragraph("No series has two levels.", "note")
    return Section(
        "dose",
        "Realised length by level",
        [
            page.paragraph(
                "The level is what was asked for; this is what came. Lines from the 10th to the 90th percentile, "
                "bars from the "
                "25th to the 75th, marks at the median of realised tokens.",
                "note",
            ),
            page.figures(plots),
            page.folded("Of each question: longer at every level?", rising),
            page.reproduce(
                "cotdistill sql - < analysis/sql/token_spread.sql", load("token_spread").sql, load("monotone").sql
            ),
        ],
        "Dose check",
    )


def _quantiles(part: Sequence[Row]) -> Html:
    columns = ("teacher and format", "level", "n", "10 %", "25 %", "median", "75 %", "90 %")
    quantiles = ("p10", "p25", "p50", "p75", "p90")
    rows = [(p["series"], p["place"], f"{p['n']:,}", *(f"{p[q]:.0f}" for q in quantiles)) for p in part]
    return page.table(columns, rows)


def _rising(doses: Sequence[Row]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = (
        "data set", "teacher", "format", "levels", "median tokens", "questions with all", "longer at every step %",
        "finest longer than coarsest %",
    )  # fmt: skip
    rows = [
        (
            d["dataset"],
            d["teacher"],
            d["format"] or "unknown",
            " ".join(map(str, d["levels"])),
            " ".join(f"{m:.0f}" for m in d["medians"]),
            f"{d['n']:,}",
            percent(d["monotone_tokens"] / d["n"] if d["n"] else None),
            percent(d["n_ends"] / d["n"] if d["n"] else None),
        )
        for d in doses
    ]
    return columns, rows


def coverage_section(rows: Sequence[Row], notes: Sequence[str]) -> Section:
    """The design as a heat map: how many replies came, shaded by the share judged right; holes hatched."""
    if not rows:
        return Section("coverage", "Coverage of the design", [page.nothing("The store has no cells yet.", GENERATE)])
    order = {name: i for i, name in enumerate(dict.fromkeys(recipe_of(r) for r in sorted(rows, key=_recipe_order)))}
    lines: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for r in rows:
        lines[r["dataset"], r["teacher"]][recipe_of(r)] = r
    names = [c.removeprefix("level ") for c in order]
    head = "".join(
        f'<th scope="col"{" class=name" if c in ("data set", "teacher") else ""}>{escape(c)}</th>'
        for c in ("data set", "teacher", *names)
    )
    body, last = [], None
    for (dataset, teacher), cells in lines.items():
        name = dataset if dataset != last else ""
        last = dataset
        tds = "".join(_heat(cells.get(recipe)) for recipe in order)
        who = f'<th scope="row" class="name">{page.text(teacher).text}</th>'
        body.append(f'<tr><td class="name">{page.text(name).text}</td>{who}{tds}</tr>')
    grid = f'<table class="heat"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    holes = [page.paragraph(note, "note") for note in notes if note.startswith("hole")]
    return Section(
        "coverage",
        "Coverage of the design",
        [
            page.paragraph(
                "A column is a level, 1 to 6, and its format where that is not the original. Replies received, and "
                "below them the share of the judged ones that are right, in percent; the deeper the shade the "
                "more are right. Hatched: another teacher has this recipe on the data set, this one has not.",
                "note",
            ),
            Html(f'<div class="scroll" tabindex="0" role="group" aria-label="Coverage">{grid}</div>'),
            *[page.paragraph(note, "note") for note in notes if not note.startswith("hole")],
            *([page.folded("What is missing", *holes)] if holes else []),
            page.reproduce("cotdistill analyze coverage --json", load("coverage").sql),
        ],
        "Coverage",
    )


def spend_section(rows: Sequence[Row]) -> Section:
    """What each cell's calls cost."""
    if not rows:
        return Section("spend", "Spend", [page.nothing("No teacher was called from this store.", GENERATE)])
    columns = (
        "data set", "teacher", "supervision", "calls", "failed", "tokens in", "tokens out", "usd",
        "unpriced calls", "right", "usd a right one",
    )  # fmt: skip
    body = [
        (
            r["dataset"],
            r["teacher"],
            recipe_of(r),
            *(_thousands(r[k]) for k in ("calls", "failed", "prompt_tokens", "completion_tokens")),
            dollars(r["usd"], r["calls_unpriced"]),
            _thousands(r["calls_unpriced"]),
            _thousands(r["correct"]),
            dollars(r["usd_per_correct"], 0),
        )
        for r in rows
    ]
    return Section(
        "spend",
        "Spend",
        [
            page.paragraph(
                "Tokens as providers count them. A call without a known price is counted, never guessed.", "note"
            ),
            page.table(columns, body, words=3),
            page.reproduce("cotdistill analyze spend --json", load("spend").sql),
        ],
    )


def made_section(facts: Sequence[Row], runs: Sequence[Row]) -> Section:
    """How it was made: rules, engines, decoders, profiles, versions."""
    in_words = {"decoder": decoder, "job versions": decoder, "engine settings": batches}
    lines = [(r["what"], in_words.get(r["what"], str)(r["value"]), f"{r['n']:,}") for r in facts]
    for what in ("profile", "versions"):
        for value in dict.fromkeys(r[what] for r in runs):
            n = sum(1 for r in runs if r[what] == value)
            lines.append((f"training {what}", decoder(value), f"{n:,}"))
    if not lines:
        return Section("made", "How it was made", [page.nothing("The store is empty.", GENERATE)])
    return Section(
        "made",
        "How it was made",
        [
            page.table(("what", "value", "rows"), lines, words=2, wrapped=1),
            page.reproduce("cotdistill sql - < analysis/sql/provenance.sql", load("provenance").sql),
        ],
    )


def _recipe_order(r: Row) -> tuple[bool, bool, str, int, str]:
    return (
        r["format"] != ANSWER_ONLY,
        r["format"] not in (None, "original"),
        r["format"] or "",
        r["level"] or 0,
        recipe_of(r),
    )


def _heat(r: Row | None) -> str:
    if r is None:
        return '<td class="empty"></td>'
    if not r["wanted"]:
        return '<td class="hole" title="no such cell">hole</td>'
    judged = r["correct"] + r["wrong"] + r["unparsed"]
    share = r["correct"] / judged if judged else None
    of = f" of {r['wanted']:,}" if r["missing"] else ""
    shade = (
        ""
        if share is None
        else f' style="background: rgba(var(--heat), {0.06 + 0.55 * max(0.0, 2 * share - 1) ** 3:.2f})"'
    )
    small = "not judged" if share is None else f"{percent(share)} %"
    return f"<td{shade}>{r['received']:,}{of}<small>{small}</small></td>"


def _thousands(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"
