"""What the report's plots share: sizes, palette, scales, and rendering to static SVG without a browser or the network.

Colours of ink, grid and paper are CSS variables of the page, so that one SVG serves the light and the dark scheme. The
series' colours are told apart with any colour vision (after Paul Tol's bright scheme), and shapes repeat what they say.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .answers import Row
from .page import Plot

if TYPE_CHECKING:
    import altair as alt

Size = Literal["phone", "half", "full"]
SERIES_COLOURS = ("#4477AA", "#E0506A", "#228833", "#A87A08", "#1F93BB", "#AA3377", "#737780", "#CF6A24")
LEVEL_COLOURS = {
    "answer-only": "#7F8590",
    "1": "#4477AA",
    "2": "#1F93BB",
    "3": "#2A9D8F",
    "4": "#A8820A",
    "5": "#CF6A24",
    "6": "#B8336A",
    "no level": "#8A68C9",
}
SHAPES = {"original": "circle", "least-to-most": "square", "rephrase-and-respond": "triangle-up", "symbolic": "diamond"}
DASHES = {"original": [1, 0], "least-to-most": [7, 3], "rephrase-and-respond": [2, 3], "symbolic": [9, 3, 2, 3]}
INK, FAINT, GRID, PAPER = "#010203", "#040506", "#070809", "#0a0b0c"  # replaced by CSS variables in the SVG
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", GRID: "var(--grid)", PAPER: "var(--card)"}
_FONT = "Helvetica, Arial, sans-serif"
WIDTHS: dict[Size, int] = {"phone": 270, "half": 400, "full": 860}
HEIGHT = 260
# Two lines: these stand beside single digits.
_TWO_LINES = {"answer-only": ["answer", "only"], "untouched": ["un-", "touched"], "no level": ["no", "level"]}


def teacher_colours(teachers: Sequence[str]) -> dict[str, str]:
    """A colour for each teacher, the same in every plot."""
    return {t: SERIES_COLOURS[i % len(SERIES_COLOURS)] for i, t in enumerate(sorted(set(teachers)))}


def sized(draw: Callable[..., str], *args: Any, alone: bool) -> Plot:
    """A chart in two sizes: for a phone, and for a screen, where it has the whole width if it stands `alone`."""
    return Plot(draw(*args, size="phone"), draw(*args, size="full" if alone else "half"))


def data(values: Sequence[Row]) -> "alt.InlineData":
    """Values as they are, inside the chart."""
    import altair as alt

    return alt.InlineData(values=list(values))


def on_levels(rows: Sequence[Row], size: Size, *, joined: bool = False) -> tuple[list[Row], "alt.X"]:
    """The rows with an `x`: the number of their place, and beside it where several series stand at one place; each
    series at the same side everywhere where its places are `joined` by a line."""
    import altair as alt

    places = ordered({r["place"] for r in rows}, ("untouched", "answer-only", "no level", *"123456"))
    most = most_at_one_place(rows)
    names = [s for s in dict.fromkeys(r["series"] for r in rows) if s]
    step = min(0.16 if size == "full" else 0.2, 0.7 / max(1, (len(names) if joined else most) - 1))
    placed = []
    for i, place in enumerate(places):
        standing = [r for r in rows if r["place"] == place]
        for k, r in enumerate(standing):
            at, of = (names.index(r["series"]), len(names)) if joined and r["series"] else (k, len(standing))
            placed.append(r | {"x": i + ((at - (of - 1) / 2) * step if most > 1 else 0.0)})
    words = [_TWO_LINES.get(p, [p]) for p in places]
    axis = alt.Axis(
        values=list(range(len(places))), labelExpr=f"{json.dumps(words)}[datum.value]", grid=False, ticks=False
    )
    domain = [-0.6, len(places) - 0.4]
    return placed, alt.X("x:Q", title="requested level", axis=axis, scale=alt.Scale(domain=domain, nice=False))


def most_at_one_place(rows: Sequence[Row]) -> int:
    """How many rows stand at the fullest place."""
    return max(Counter(r["place"] for r in rows).values())


def series_scales(rows: Sequence[Row], size: Size) -> tuple[list[str], "alt.Color", "alt.Shape"]:
    """Names of the series, and one merged legend: a teacher's colour, the same everywhere, and a format's shape."""
    import altair as alt

    first = {r["series"]: r for r in rows}
    names = [s for s in first if s]
    colours = [r["colour"] for r in first.values()]
    shapes = [SHAPES.get(r["shape"], "circle") for r in first.values()]
    legend = legend_of(size, values=names, symbolOpacity=1) if len(names) > 1 else None
    colour = alt.Color("series:N", scale=alt.Scale(domain=list(first), range=colours), legend=legend)
    shape = alt.Shape("series:N", scale=alt.Scale(domain=list(first), range=shapes), legend=legend)
    return names, colour, shape


def legend_of(size: Size, **more: Any) -> "alt.Legend":
    """A legend above the plot: one column on a phone."""
    import altair as alt

    columns = {"phone": 1, "half": 2, "full": 4}[size]
    return alt.Legend(orient="top", title=None, columns=columns, labelLimit=230, **more)


def ordered(found: set[str], order: Sequence[str]) -> list[str]:
    """What was found, in the given order, then the rest by name."""
    return [p for p in order if p in found] + sorted(found - set(order))


def svg(chart: Any) -> str:
    """Static SVG of a chart: no script, no font file, no reference outside itself; its ids are its own."""
    import vl_convert

    axis = {"labelColor": INK, "titleColor": INK, "domainColor": FAINT, "tickColor": FAINT, "gridColor": GRID}
    words = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    spec = chart.configure(
        font=_FONT,
        background="transparent",
        view={"stroke": None},
        axis={**axis, **words, "titlePadding": 8},
        legend={"labelColor": INK, "titleColor": INK, **words},
        aria=False,
    ).to_dict(validate=False)
    drawn = str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    for sentinel, variable in _VARIABLES.items():
        drawn = drawn.replace(sentinel, variable)
    drawn = re.sub(r'="#([0-9A-Fa-f]{6})"', lambda m: f'="var(--x{m[1].lower()}, #{m[1]})"', drawn)
    drawn = re.sub(r' xmlns(:\w+)?="[^"]*"', "", drawn)
    prefix = "p" + hashlib.blake2b(drawn.encode(), digest_size=5).hexdigest()
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>{prefix}-", drawn)
