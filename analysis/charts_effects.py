"""The report's plots of differences and of prices: a forest of contrasts, and accuracy against what it cost."""

from collections.abc import Sequence

from .answers import Row
from .charts_base import FAINT, HEIGHT, INK, WIDTHS, Size, data, series_scales, svg

VERDICT_COLOURS = {"better": "#228833", "worse": "#CC3344", "cannot tell": "#737780"}
_VERDICT_SHAPES = {"better": "triangle-right", "worse": "triangle-left", "cannot tell": "circle"}


def forest(rows: Sequence[Row], *, size: Size = "half") -> str:
    """Rows, top to bottom: label, difference, low, high in percentage points, verdict (better, worse, cannot tell)."""
    import altair as alt

    order = [r["label"] for r in rows]
    phone = size == "phone"
    limit, size_ = (150, 10.5) if phone else (330, 12)
    axis = alt.Axis(labelLimit=limit, labelFontSize=size_, labelPadding=8, ticks=False, domain=False, grid=False)
    y = alt.Y("label:N", title=None, sort=order, axis=axis)
    verdicts = [v for v in VERDICT_COLOURS if any(r["verdict"] == v for r in rows)]
    legend = alt.Legend(orient="top", title=None, symbolOpacity=1)
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=verdicts, range=[VERDICT_COLOURS[v] for v in verdicts]), legend=legend
    )
    shape = alt.Shape(
        "verdict:N", scale=alt.Scale(domain=verdicts, range=[_VERDICT_SHAPES[v] for v in verdicts]), legend=legend
    )
    base = alt.Chart(data(rows)).encode(y=y, color=colour)
    x = alt.X("low:Q", title="percentage points", scale=alt.Scale(zero=True, padding=10), axis=alt.Axis(tickCount=5))
    zero = alt.Chart(data([{"at": 0}])).mark_rule(color=FAINT, strokeWidth=1.2).encode(x="at:Q")
    chart = alt.layer(
        zero,
        base.mark_rule(strokeWidth=2, strokeCap="round").encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x="difference:Q", shape=shape),
    )
    width = {"phone": 130, "half": 260, "full": 560}[size]
    return svg(chart.properties(width=width, height=max(60, 24 * len(rows))))


def pareto(rows: Sequence[Row], field: str, title: str, *, size: Size = "half") -> str:
    """Rows: series, colour, shape, label, accuracy, low, high in percent, front (bool), and the price `field`.

    The step line joins what nothing cheaper beats; what lies under it is faint.
    """
    import altair as alt

    _, colour, shape = series_scales(rows, size)
    bare = [{k: v for k, v in r.items() if k != "runs"} for r in rows]
    top = max(r["high"] for r in rows)
    scale = alt.Scale(domain=[0, min(100.0, top * 1.08 + 1)], nice=False)
    most = max(r[field] for r in rows)
    x = alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[0, most * 1.08 or 1], nice=False),
        axis=alt.Axis(tickCount=4, grid=False, format="~s"),
    )
    y = alt.Y("accuracy:Q", title="right answers (%)", scale=scale)
    base = alt.Chart(data(bare)).encode(x=x)
    seen = alt.condition("datum.front", alt.value(1), alt.value(0.45))
    front = alt.Chart(data([r for r in bare if r["front"]]))
    chart = alt.layer(
        front.mark_line(interpolate="step-after", color=INK, strokeWidth=1.3, strokeDash=[5, 3]).encode(x=x, y=y),
        base.mark_rule(strokeWidth=1.6).encode(
            y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour, opacity=alt.value(0.5)
        ),
        base.mark_point(filled=True, size=70).encode(y=y, color=colour, shape=shape, opacity=seen),
        base.mark_text(align="left", dx=8, dy=-7, fontSize=11).encode(
            y=y, text="label:N", color=alt.value(INK), opacity=seen
        ),
    )
    return svg(chart.properties(width=WIDTHS[size], height=HEIGHT))
