"""The report's plots of one quantity: accuracy by level, against what was taught, realised length, losses."""

from collections.abc import Sequence

from .answers import Row
from .charts_base import (
    DASHES,
    FAINT,
    HEIGHT,
    INK,
    LEVEL_COLOURS,
    PAPER,
    WIDTHS,
    Size,
    data,
    legend_of,
    most_at_one_place,
    on_levels,
    ordered,
    series_scales,
    svg,
)

_REFERENCES = ("untouched", "answer-only", "no level")


def accuracy_by_level(rows: Sequence[Row], *, size: Size = "half") -> str:
    """Rows: place (untouched, answer-only, 1-6), series, colour, shape, accuracy, low, high, runs (list of
    accuracies), all in percent. Levels of a series are joined by a line with its band of intervals."""
    import altair as alt

    rows, x = on_levels(rows, size, joined=True)
    names, colour, shape = series_scales(rows, size)
    scale = alt.Scale(domain=[0, min(100.0, max(r["high"] for r in rows) * 1.08 + 1)], nice=False)
    y = alt.Y("accuracy:Q", title="right answers (%)", scale=scale)
    bare = [{k: v for k, v in r.items() if k != "runs"} for r in rows]
    references = [{"accuracy": r["accuracy"]} for r in rows if r["place"] in ("untouched", "answer-only")]
    dots = [{"x": r["x"], "series": r["series"], "accuracy": a} for r in rows if len(r["runs"]) > 1 for a in r["runs"]]
    base = alt.Chart(data(bare)).encode(x=x, color=colour)
    curve = alt.Chart(data([r for r in bare if r["place"] not in _REFERENCES])).encode(x=x, color=colour)
    ends = {"y": alt.Y("low:Q", scale=scale), "y2": "high:Q"}
    dashes = alt.Chart(data(references)).mark_rule(strokeDash=[3, 4], color=FAINT, strokeWidth=1)
    ticks = alt.Chart(data(dots)).mark_tick(orient="horizontal", thickness=1.5, size=11, opacity=0.6)
    layers = [
        dashes.encode(y=y),
        curve.mark_area(opacity=0.16).encode(**ends),
        curve.mark_line(strokeWidth=2).encode(y=y),
        base.mark_rule(strokeWidth=2.2, strokeCap="round", opacity=0.7).encode(**ends),
        base.mark_point(filled=True, size=62, opacity=1).encode(y=y, shape=shape),
        ticks.encode(x=x, y=y, color=colour),
    ]
    if len(names) <= 1:
        words = base.mark_text(align="left", dx=9, dy=-7, fontSize=11)
        layers.append(words.encode(y=y, text=alt.Text("accuracy:Q", format=".1f"), color=alt.value(INK)))
    return svg(alt.layer(*layers).properties(width=WIDTHS[size], height=HEIGHT))


def accuracy_against(rows: Sequence[Row], field: str, title: str, *, size: Size = "half") -> str:
    """Rows: series, colour, shape, label (the level), accuracy, low, high in percent, and `field` on the x axis."""
    import altair as alt

    _, colour, shape = series_scales(rows, size)
    values = [r[field] for r in rows]
    pad = (max(values) - min(values)) * 0.08 or max(abs(max(values)) * 0.08, 0.01)
    span = alt.Scale(domain=[min(values) - pad, max(values) + pad], nice=False, zero=False)
    x = alt.X(f"{field}:Q", title=title, scale=span, axis=alt.Axis(tickCount=5, grid=False))
    bare = [{k: v for k, v in r.items() if k != "runs"} for r in rows]
    base = alt.Chart(data(bare)).encode(x=x, color=colour)
    top = max(r["high"] for r in rows)
    y = alt.Y("low:Q", title="right answers (%)", scale=alt.Scale(domain=[0, min(100.0, top * 1.08 + 1)], nice=False))
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.6, opacity=0.6).encode(y=y, y2="high:Q"),
        base.mark_point(filled=True, size=62, opacity=1).encode(y="accuracy:Q", shape=shape),
        base.mark_text(align="left", dx=7, dy=-6, fontSize=11).encode(
            y="accuracy:Q", text="label:N", color=alt.value(INK)
        ),
    )
    return svg(chart.properties(width=WIDTHS[size], height=HEIGHT))


def token_boxes(rows: Sequence[Row], *, size: Size = "half") -> str:
    """Rows: place (level), series, colour, shape, p10, p25, p50, p75, p90 of realised tokens."""
    import altair as alt

    rows, x = on_levels(rows, size)
    _, colour, shape = series_scales(rows, size)
    base = alt.Chart(data(rows)).encode(x=x, color=colour)
    n_places = len({r["place"] for r in rows})
    thick = max(2.0, min(16.0, 0.55 * WIDTHS[size] / n_places / most_at_one_place(rows)))
    y = alt.Y("p10:Q", title="realised tokens of a rationale", scale=alt.Scale(zero=True))
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.2).encode(y=y, y2="p90:Q"),
        base.mark_rule(strokeWidth=thick, opacity=0.55).encode(y="p25:Q", y2="p75:Q"),
        base.mark_point(filled=True, size=42, opacity=1, stroke=PAPER, strokeWidth=1).encode(y="p50:Q", shape=shape),
    )
    return svg(chart.properties(width=WIDTHS[size], height=HEIGHT))


def loss_curves(rows: Sequence[Row], *, size: Size = "half") -> str:
    """Rows: run, place (level), format, step, loss."""
    import altair as alt

    formats = list(dict.fromkeys(r["format"] for r in rows))
    places = ordered({r["place"] for r in rows}, tuple(LEVEL_COLOURS))
    colour = alt.Color(
        "place:N",
        scale=alt.Scale(domain=places, range=[LEVEL_COLOURS.get(p, FAINT) for p in places]),
        legend=alt.Legend(orient="top", title="level", symbolType="stroke", columns=3 if size == "phone" else 7),
    )
    dash = alt.StrokeDash(
        "format:N",
        scale=alt.Scale(domain=list(DASHES), range=list(DASHES.values())),
        legend=legend_of(size, values=formats) if len(formats) > 1 else None,
    )
    lines = alt.Chart(data(rows)).mark_line(strokeWidth=1.4, opacity=0.85)
    chart = lines.encode(
        x=alt.X("step:Q", title="training step", axis=alt.Axis(grid=False, tickCount=5)),
        y=alt.Y("loss:Q", title="training loss (nats a token)"),
        color=colour,
        detail="run:N",
        strokeDash=dash,
    )
    return svg(chart.properties(width=WIDTHS[size], height=HEIGHT))
