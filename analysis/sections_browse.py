"""The report's two browsers, empty: the script fills them from the sample in the file or from the server."""

from collections.abc import Sequence
from html import escape

from . import page
from .page import Html, Section

_NOSCRIPT = (
    '<noscript><p class="nothing">Browsing needs JavaScript; everything else of this report does not.</p></noscript>'
)
FILTERS = ("dataset", "teacher", "level", "format", "verdict", "fault")
_WORDS = {"dataset": "Data set"}


def rationales_section(said: str) -> Section:
    """Filters, list and detail for rationales; `said` is which of them are here."""
    selects = [_select(name, _WORDS.get(name, name.capitalize())) for name in FILTERS]
    search = _search("Words in question, rationale or answer")
    clear = '<button type="button" class="clear">Clear</button>'
    lead = (
        "Each from its question to the students who learned from it, and beside it the same question at other levels. "
        "Arrow keys walk the list, Enter opens, Escape goes back to the list."
    )
    return _section("rationales", "Browse rationales", "Rationales", lead, said, [*selects, search, clear])


def predictions_section(said: str) -> Section:
    """Two evaluations side by side."""
    selects = [_select("a", "A", "long"), _select("b", "B", "long"), _select("outcome", "Outcome")]
    lead = "Two runs (or a run and the untouched base) on the questions that both answered, with the gold answer."
    parts = [*selects, _search("Words in question or answers")]
    return _section("predictions", "Browse predictions", "Predictions", lead, said, parts)


def _section(anchor: str, title: str, short: str, lead: str, said: str, filters: Sequence[str]) -> Section:
    panes = (
        '<div class="panes"><div class="listing"><p class="found" role="status" aria-live="polite"></p>'
        f'<ol class="items" aria-label="{escape(short)}"></ol><button type="button" class="more" hidden></button></div>'
        '<div class="detail" tabindex="-1" role="region" '
        f'aria-label="The chosen one of {escape(short.lower())}"></div></div>'
    )
    inner = f'<div class="filters" role="search" aria-label="{escape(title)}">{"".join(filters)}</div>{panes}'
    return Section(
        anchor,
        title,
        [
            page.paragraph(lead),
            page.paragraph(said, "note"),
            Html(_NOSCRIPT),
            Html(f'<div class="browser">{inner}</div>'),
        ],
        short,
    )


def _select(name: str, label: str, kind: str = "") -> str:
    return f'<label class="{kind}">{escape(label)}<select name="{name}"></select></label>'


def _search(label: str) -> str:
    return f'<label class="search">{escape(label)}<input type="search" autocomplete="off" spellcheck="false"></label>'
