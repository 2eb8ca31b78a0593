"""The report's plots: altair specifications rendered to static SVG by vl-convert, without a browser or the network.

Colours of ink, grid and paper are CSS variables of the page, so that one SVG serves the light and the dark scheme.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .answers import Row

if TYPE_CHECKING:
    import altair as alt

SERIES_COLOURS = ("#4477AA", "#EE6677", "#228833", "#B8860B", "#33A6CC", "#AA3377", "#777777", "#E07B39")
LEVEL_COLOURS = {
    "answer-only": "#8A8A8A",
    "1": "#5B8DEF",
    "2": "#2FA5A0",
    "3": "#3C9D4E",
    "4": "#B8920F",
    "5": "#E2711D",
    "6": "#C2367B",
    "no level": "#9575CD",
}
SHAPES = {"original": "circle", "least-to-most": "square", "rephrase-and-respond": "triangle-up", "symbolic": "diamond"}
DASHES = {"original": [1, 0], "least-to-most": [7, 3], "rephrase-and-respond": [2, 3], "symbolic": [9, 3, 2, 3]}
INK, FAINT, GRID, PAPER = "#010203", "#040506", "#070809", "#0a0b0c"  # replaced by CSS variables in the SVG
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", GRID: "var(--grid)", PAPER: "var(--card)"}
_FONT = "Helvetica, Arial, sans-serif"
_WIDTH, _WIDE, _HEIGHT = 400, 880, 260
# Two lines: these stand beside single digits.
_TWO_LINES = {"answer-only": ["answer", "only"], "untouched": ["un-", "touched"]}


def teacher_colours(teachers: Sequence[str]) -> dict[str, str]:
    """A colour for each teacher, the same in every plot."""
    return {t: SERIES_COLOURS[i % len(SERIES_COLOURS)] for i, t in enumerate(sorted(set(teachers)))}


def accuracy_by_level(rows: Sequence[Row], *, wide: bool = False) -> str:
    """Rows: place (untouched, answer-only, 1-6), series, colour, shape, accuracy, low, high, runs (list of
    accuracies), all in percent."""
    import altair as alt

    rows, x = _on_levels(rows, wide)
    names, colour, shape = _series(rows)
    scale = alt.Scale(domain=[0, min(100.0, max(r["high"] for r in rows) * 1.08 + 1)], nice=False)
    y = alt.Y("accuracy:Q", title="right answers (%)", scale=scale)
    references = [{"accuracy": r["accuracy"]} for r in rows if r["place"] in ("untouched", "answer-only")]
    dots = [{"x": r["x"], "series": r["series"], "accuracy": a} for r in rows if len(r["runs"]) > 1 for a in r["runs"]]
    base = alt.Chart(_data(values=[{k: v for k, v in r.items() if k != "runs"} for r in rows])).encode(
        x=x, color=colour
    )
    dashes = alt.Chart(_data(values=references)).mark_rule(strokeDash=[3, 4], color=FAINT, strokeWidth=1)
    ticks = alt.Chart(_data(values=dots)).mark_tick(orient="horizontal", thickness=1.5, size=11, opacity=0.55)
    layers: list[Any] = [
        dashes.encode(y=y),
        base.mark_rule(strokeWidth=2.2, strokeCap="round").encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=62, opacity=1).encode(y=y, shape=shape),
        ticks.encode(x=x, y=y, color=colour),
    ]
    if len(names) <= 1:
        text = base.mark_text(align="left", dx=8, fontSize=11)
        layers.append(text.encode(y=y, text=alt.Text("accuracy:Q", format=".1f"), color=alt.value(INK)))
    return _svg(alt.layer(*layers).properties(width=_width(wide), height=_HEIGHT), "accuracy")


def accuracy_against(rows: Sequence[Row], field: str, title: str) -> str:
    """Rows: series, colour, shape, label (the level), accuracy, low, high in percent, and `field` on the x axis."""
    import altair as alt

    _, colour, shape = _series(rows)
    values = [r[field] for r in rows]
    pad = (max(values) - min(values)) * 0.08 or max(abs(max(values)) * 0.08, 0.01)
    x = alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[min(values) - pad, max(values) + pad], nice=False, zero=False),
    )
    base = alt.Chart(_data(values=rows)).encode(x=x, color=colour)
    top = max(r["high"] for r in rows)
    y = alt.Y("low:Q", title="right answers (%)", scale=alt.Scale(domain=[0, min(100.0, top * 1.08 + 1)], nice=False))
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.6, opacity=0.6).encode(y=y, y2="high:Q"),
        base.mark_point(filled=True, size=62, opacity=1).encode(y="accuracy:Q", shape=shape),
        base.mark_text(align="left", dx=7, dy=-6, fontSize=11).encode(
            y="accuracy:Q", text="label:N", color=alt.value(INK)
        ),
    )
    return _svg(chart.properties(width=_WIDTH, height=_HEIGHT), f"against-{field}")


def token_boxes(rows: Sequence[Row], *, wide: bool = False) -> str:
    """Rows: place (level), series, colour, shape, p10, p25, p50, p75, p90 of realised tokens."""
    import altair as alt

    rows, x = _on_levels(rows, wide)
    _, colour, shape = _series(rows)
    base = alt.Chart(_data(values=rows)).encode(x=x, color=colour)
    n_places = len({r["place"] for r in rows})
    thick = max(2.5, min(16.0, 0.6 * _width(wide) / n_places / _most_at_one_place(rows)))
    y = alt.Y("p10:Q", title="realised tokens of a rationale", scale=alt.Scale(zero=True))
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.2).encode(y=y, y2="p90:Q"),
        base.mark_rule(strokeWidth=thick, opacity=0.55).encode(y="p25:Q", y2="p75:Q"),
        base.mark_point(filled=True, size=48, opacity=1, stroke=PAPER, strokeWidth=1).encode(y="p50:Q", shape=shape),
    )
    return _svg(chart.properties(width=_width(wide), height=_HEIGHT), "tokens")


def loss_curves(rows: Sequence[Row], *, wide: bool = False) -> str:
    """Rows: run, place (level), format, step, loss."""
    import altair as alt

    formats = list(dict.fromkeys(r["format"] for r in rows))

    places = _ordered({r["place"] for r in rows}, tuple(LEVEL_COLOURS))
    colour = alt.Color(
        "place:N",
        title="level",
        scale=alt.Scale(domain=places, range=[LEVEL_COLOURS[p] for p in places]),
        legend=alt.Legend(orient="top", symbolType="stroke", columns=4),
    )
    chart = (
        alt.Chart(_data(values=rows))
        .mark_line(strokeWidth=1.4, opacity=0.85)
        .encode(
            x=alt.X("step:Q", title="training step", axis=alt.Axis(grid=False)),
            y=alt.Y("loss:Q", title="training loss (nats a token)"),
            color=colour,
            detail="run:N",
            strokeDash=alt.StrokeDash(
                "format:N",
                title=None,
                scale=alt.Scale(domain=list(DASHES), range=list(DASHES.values())),
                legend=alt.Legend(orient="bottom", values=formats, columns=2) if len(formats) > 1 else None,
            ),
        )
    )
    return _svg(chart.properties(width=_width(wide), height=_HEIGHT), "loss")


def _data(*, values: Sequence[Row]) -> "alt.InlineData":
    import altair as alt

    return alt.InlineData(values=list(values))


def _width(wide: bool) -> int:
    return _WIDE if wide else _WIDTH


def _on_levels(rows: Sequence[Row], wide: bool) -> tuple[list[Row], "alt.X"]:
    """The rows with an `x`: the number of their place, and beside it where several series stand at one place."""
    import altair as alt

    places = _ordered({r["place"] for r in rows}, ("untouched", "answer-only", "no level", *"123456"))
    step = min(0.22 if not wide else 0.16, 0.75 / _most_at_one_place(rows))
    standing: dict[str, list[Row]] = {p: [r for r in rows if r["place"] == p] for p in places}
    placed = [
        r | {"x": i + (k - (len(standing[p]) - 1) / 2) * step}
        for i, p in enumerate(places)
        for k, r in enumerate(standing[p])
    ]
    names = [_TWO_LINES.get(p, [p]) for p in places]
    axis = alt.Axis(
        values=list(range(len(places))), labelExpr=f"{json.dumps(names)}[datum.value]", grid=False, ticks=False
    )
    domain = [-0.6, len(places) - 0.4]
    return placed, alt.X("x:Q", title="requested level", axis=axis, scale=alt.Scale(domain=domain, nice=False))


def _most_at_one_place(rows: Sequence[Row]) -> int:
    return max(Counter(r["place"] for r in rows).values())


def _series(rows: Sequence[Row]) -> tuple[list[str], "alt.Color", "alt.Shape"]:
    """Names of the series, and one merged legend: a teacher's colour, the same everywhere, and a format's shape."""
    import altair as alt

    first = {r["series"]: r for r in rows}
    names = [s for s in first if s]
    colours = [r["colour"] for r in first.values()]
    shapes = [SHAPES.get(r["shape"], "circle") for r in first.values()]
    many = len(names) > 1
    legend = (
        alt.Legend(orient="top", title=None, columns=2, labelLimit=230, values=names, symbolOpacity=1) if many else None
    )
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(first), range=colours), legend=legend)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=list(first), range=shapes), legend=legend)
    return names, colour, shape


def _ordered(found: set[str], order: Sequence[str]) -> list[str]:
    return [p for p in order if p in found] + sorted(found - set(order))


def _svg(chart: Any, prefix: str) -> str:
    """Static SVG of a chart: no script, no font file, no reference outside itself."""
    import vl_convert

    spec = chart.configure(
        font=_FONT,
        background="transparent",
        view={"stroke": None},
        axis={
            "labelColor": INK,
            "titleColor": INK,
            "domainColor": FAINT,
            "tickColor": FAINT,
            "gridColor": GRID,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
        },
        legend={
            "labelColor": INK,
            "titleColor": INK,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        aria=False,
    ).to_dict(validate=False)
    svg = str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    for sentinel, variable in _VARIABLES.items():
        svg = svg.replace(sentinel, variable)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>{prefix}-", svg)
