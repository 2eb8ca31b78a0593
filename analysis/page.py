"""HTML of the report: escaped by default, one file, nothing fetched; the parts that every section is made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already."""

    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart as SVG: `wide` for a screen, where it has one, and `narrow` for a phone and for two side by side."""

    narrow: str
    wide: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. `short` names it in the navigation where the title is too long for that."""

    anchor: str
    title: str
    body: Sequence[Html] = field(default_factory=tuple)
    short: str = ""


def text(value: Any) -> Html:
    """A value as escaped text; None is a dash."""
    return value if isinstance(value, Html) else Html("–" if value is None else escape(shown(str(value))))


def shown(words: str) -> str:
    """Words with what HTML cannot hold, or would obey, made visible: NUL, other controls, marks that turn the reading
    direction."""
    return words if words.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else _name(c) for c in words)


def _name(c: str) -> str:
    return " " if c in "\u00a0\u2028\u2029\u202f\u2009" else f"[U+{ord(c):04X}]"


def paragraph(words: str, kind: str = "") -> Html:
    """A paragraph; `kind` is its CSS class."""
    return Html(f'<p class="{kind}">{text(words).text}</p>' if kind else f"<p>{text(words).text}</p>")


def nothing(words: str, command: str) -> Html:
    """What a section without data says: why, and the command that brings it."""
    return Html(f'<p class="nothing">{text(words).text} Next: <code>{text(command).text}</code></p>')


def figure(title: str, plot: Plot, label: str, *, n: str = "", behind: Html | None = None) -> Html:
    """One plot with its title, what it counts (`n`) and the table `behind` it; `label` describes it for who cannot
    see it."""
    counted = f' <span class="n">{text(n).text}</span>' if n else ""
    kinds = ("narrow-only", "wide-only") if plot.wide else ("", "")
    drawn = f'<div class="{kinds[0]}">{plot.narrow}</div>'
    if plot.wide:
        drawn += f'<div class="{kinds[1]}">{plot.wide}</div>'
    table_ = folded("The numbers", behind).text if behind else ""
    return Html(
        f"<figure><figcaption><strong>{text(title).text}</strong>{counted}</figcaption>"
        f'<div class="plot" role="img" aria-label="{escape(shown(label), quote=True)}">{drawn}</div>{table_}</figure>'
    )


def figures(parts: Sequence[Html]) -> Html:
    """Plots side by side where there is room, below one another on a phone. A single one is made wide."""
    return Html(
        f'<div class="figures{" wide" if len(parts) == 1 else ""}">' + "".join(p.text for p in parts) + "</div>"
    )


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    words: int = 1,
    wrapped: int | None = None,
) -> Html:
    """A table that scrolls sideways where it must. The first `words` columns are text, the others numbers.
    Column `wrapped` may break its lines. Words that are the same in every row are said once, above the table."""
    same = [i for i in range(words) if len(rows) > 1 and len({text(row[i]).text for row in rows}) == 1]
    kept = [i for i in range(len(columns)) if i not in same]
    caption = ", ".join(f"{escape(columns[i])} {text(rows[0][i]).text}" for i in same)

    def cell(i: int, value: Any) -> str:
        kind = ' class="wrapped"' if i == wrapped else "" if i < words else ' class="number"'
        return f"<td{kind}>{text(value).text}</td>"

    head = "".join(
        f'<th scope="col"{"" if i < words or i == wrapped else " class=number"}>{escape(c)}</th>'
        for i, c in enumerate(columns)
        if i in kept
    )
    body = "".join("<tr>" + "".join(cell(i, row[i]) for i in kept) + "</tr>" for row in rows)
    above = f'<p class="note">All rows: {caption}.</p>' if caption else ""
    return Html(
        f'{above}<div class="scroll" tabindex="0" role="group" aria-label="Table: {escape(", ".join(columns[:3]))}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def folded(summary: str, *parts: Html) -> Html:
    """Parts behind a line that opens them."""
    inner = "".join(p.text for p in parts)
    return Html(f"<details><summary>{text(summary).text}</summary>{inner}</details>")


def reproduce(command: str, *sql: str) -> Html:
    """How to get a section's numbers: a command, and its SQL."""
    code = "".join(f'<pre tabindex="0"><code>{escape(part.strip())}</code></pre>' for part in (command, *sql))
    return folded("Its query", Html(code))


def links(sections: Sequence[Section]) -> str:
    """The navigation's links."""
    return "".join(f'<a href="#{s.anchor}">{escape(s.short or s.title)}</a>' for s in sections)


def body(sections: Sequence[Section]) -> str:
    """Sections as HTML."""
    return "".join(
        f'<section id="{s.anchor}" aria-labelledby="{s.anchor}-title"><h2 id="{s.anchor}-title">{escape(s.title)}</h2>'
        f"{''.join(p.text for p in s.body)}</section>"
        for s in sections
    )


def as_data(value: Any) -> str:
    """JSON that can stand inside a script element, whatever its strings hold."""
    made = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for mark in "<>&\u2028\u2029":
        made = made.replace(mark, f"\\u{ord(mark):04x}")
    return made
