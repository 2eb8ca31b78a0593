"""The whole page: head, style and script around the sections, for a file and for the server.

The script may run because its hash is named in the page's policy; nothing else may, whatever a rationale contains.
"""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Any

from .page import TEMPLATES, Section, as_data, body, links, shown

SCRIPTS = ("text.js", "sources.js", "lists.js", "rationale.js", "rationales.js", "predictions.js", "main.js")
_SIZE = "@@@.@ @@"


def script() -> str:
    """The page's script, one function."""
    parts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return '(function () {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"


def policy(code: str, *, served: bool) -> str:
    """The content security policy: this script and inline style, nothing from elsewhere; the server also answers it."""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    connect = "'self'" if served else "'none'"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src {connect}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def document(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    browsers: Sequence[Section],
    data: Any,
    footer: str,
    *,
    served: bool = False,
) -> str:
    """The page. `sections` are answers and figures, `browsers` the parts that the script fills from `data`. `{size}` in
    the footer becomes the size of the file."""
    code = script()
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8") + (TEMPLATES / "browser.css").read_text(
        encoding="utf-8"
    )
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(code, served=served)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{css}</style></head><body>'
        '<a class="skip" href="#main">Skip to the answers</a>'
        f'<header><h1>{escape(title)}</h1><p id="subtitle">{escape(shown(subtitle))}</p>'
        '<p id="live" role="status" hidden></p></header>'
        f'<div class="frame"><nav aria-label="Parts of the report">{links([*sections, *browsers])}</nav>'
        f'<main id="main" tabindex="-1"><div id="figures">{body(sections)}</div>{body(browsers)}</main></div>'
        f"<footer>{escape(footer.replace('{size}', _SIZE))}</footer>"
        f'<script type="application/json" id="data">{as_data(data)}</script><script>{code}</script></body></html>\n'
    )
    return html.replace(_SIZE, _size(len(html.encode())).ljust(len(_SIZE)))


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.0f} kB"
