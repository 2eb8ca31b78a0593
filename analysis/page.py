"""HTML of the report: escaped by default, one file, no script, nothing fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

CSS = Path(__file__).parent / "templates" / "report.css"


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already."""

    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. `reproduce` is the command and SQL behind it."""

    anchor: str
    title: str
    body: Sequence[Html] = field(default_factory=tuple)


def text(value: Any) -> Html:
    """A value as escaped text; None is a dash."""
    return value if isinstance(value, Html) else Html("–" if value is None else escape(str(value)))


def paragraph(words: str, kind: str = "") -> Html:
    """A paragraph; `kind` is its CSS class."""
    return Html(f'<p class="{kind}">{escape(words)}</p>' if kind else f"<p>{escape(words)}</p>")


def nothing(words: str, command: str) -> Html:
    """What a section without data says: why, and the command that brings it."""
    return Html(f'<p class="nothing">{escape(words)} Next: <code>{escape(command)}</code></p>')


def figure(title: str, svg: str, label: str) -> Html:
    """One plot with its title; `label` describes it for who cannot see it."""
    return Html(
        f'<figure role="img" aria-label="{escape(label, quote=True)}"><figcaption>{escape(title)}</figcaption>'
        f'<div class="plot">{svg}</div></figure>'
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
        f"<th{'' if i < words else ' class=number'}>{escape(c)}</th>" for i, c in enumerate(columns) if i in kept
    )
    body = "".join("<tr>" + "".join(cell(i, row[i]) for i in kept) + "</tr>" for row in rows)
    above = f'<p class="note">All rows: {caption}.</p>' if caption else ""
    return Html(f'{above}<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')


def folded(summary: str, *parts: Html) -> Html:
    """Parts behind a line that opens them."""
    inner = "".join(p.text for p in parts)
    return Html(f"<details><summary>{escape(summary)}</summary>{inner}</details>")


def reproduce(command: str, sql: str) -> Html:
    """How to get a section's numbers: a command, and its SQL."""
    return folded(
        "Reproduce", Html(f"<pre><code>{escape(command)}</code></pre><pre><code>{escape(sql.strip())}</code></pre>")
    )


def page(title: str, subtitle: str, sections: Sequence[Section], footer: str) -> str:
    """The whole document."""
    links = "".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in sections)
    body = "".join(
        f'<section id="{s.anchor}"><h2>{escape(s.title)}</h2>{"".join(p.text for p in s.body)}</section>'
        for s in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{CSS.read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p><nav>{links}</nav></header>"
        f"<main>{body}</main><footer>{escape(footer)}</footer></body></html>\n"
    )
