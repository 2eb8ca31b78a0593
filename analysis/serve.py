"""`report --serve`: the same page over the whole store, on this machine only, while work goes on.

Every answer opens the store read-only for its own moment and lets go of it; a store that a harvest is flushing into is
"busy" for that answer (503), and the page asks again. Figures are drawn in a thread of their own when the store has
changed, at most as often as it takes them to draw. Only loopback names are answered (a page elsewhere cannot reach the
store by making its name resolve to this machine), only GET, and nothing is written.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import polars as pl

from ..errors import StoreError
from ..store.store import Store
from . import browse
from .browse import Prompter
from .document import document, policy, script
from .page import Section, paragraph
from .report import TITLE, answered, browsed

PATIENCE_S = 2.0
MAX_PAGE = 500
_WHOLE = "All rationales of the store, read as you page; the list follows the store while work runs."
_BOTH = "All predictions of the store."


class Live:
    """What the server knows of the store: its version, what was counted, and the figures drawn last.

    `version` changes whenever the file does. Thread-safe.
    """

    def __init__(self, store: Store, prompter: Prompter | None, clock: Callable[[], float] = time.monotonic) -> None:
        import numpy  # noqa: F401  altair looks for it while another thread may still be importing it

        self.store = Store(store.path, patience_s=PATIENCE_S, read_only=True)
        self.drawing_store = Store(store.path, patience_s=30.0, read_only=True)
        self.prompter = prompter
        self._clock = clock
        self._turn = threading.Lock()
        self._drawing = False
        self._drawn_at, self._took = -1e9, 0.0
        self._figures: tuple[str, str, list[Section]] | None = None
        self._reading = threading.Lock()
        self._index: tuple[str, pl.DataFrame] | None = None
        self._index_due = 0.0
        self._kept: dict[str, tuple[str, Any]] = {}

    @property
    def version(self) -> str:
        """The file's time and size, and its log's: a flush changes them."""
        found = []
        for path in (self.store.path, self.store.path.with_name(self.store.path.name + ".wal")):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append(f"{stat.st_mtime_ns}.{stat.st_size}")
        return "-".join(found)

    def state(self) -> dict[str, Any]:
        """For the page's heartbeat; starts to draw where the figures are old."""
        version = self.version
        counts = self.kept("state", lambda: self._counts())
        self.redraw(version)
        with self._turn:
            figures = self._figures[0] if self._figures else ""
            return {"version": version, "counts": counts, "figures": figures, "rendering": self._drawing}

    def redraw(self, version: str) -> None:
        """Draw the figures in a thread, unless they are of this version, being drawn, or were drawn a moment ago."""
        with self._turn:
            fresh = self._figures is not None and self._figures[0] == version
            soon = self._clock() - self._drawn_at < max(5.0, 4 * self._took)
            if fresh or self._drawing or soon:
                return
            self._drawing = True
        threading.Thread(target=self._draw, args=(version,), daemon=True).start()

    def _draw(self, version: str) -> None:
        started, made = self._clock(), None
        try:
            made = (version, *answered(self.drawing_store))
        except StoreError:
            pass  # busy for longer than its patience: the next heartbeat tries again
        finally:
            with self._turn:
                self._figures = made or self._figures
                self._drawing, self._drawn_at = False, self._clock()
                self._took = self._drawn_at - started

    def page(self) -> str:
        """The whole page with the figures drawn last; says so where there are none yet."""
        with self._turn:
            version, subtitle, sections = self._figures or ("", self.store.path.name, [_being_drawn()])
        inside = {"mode": "served", "figures": version, "version": ""}
        footer = f"Served by cotdistill from {self.store.path.name}, on this machine only."
        return document(TITLE, subtitle, sections, browsed(_WHOLE, _BOTH), inside, footer, served=True)

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for each version of the store."""
        version = self.version
        found = self._kept.get(name)
        if found is None or found[0] != version:
            found = self._kept[name] = (version, make())
        return found[1]

    def index(self) -> pl.DataFrame:
        """Every rationale without its text; made again when the store has changed, but not all the time."""
        with self._reading:
            version = self.version
            old = self._index is None or self._index[0] != version
            if self._index is None or (old and self._clock() >= self._index_due):
                started = self._clock()
                self._index = (version, browse.index(self.store))
                self._index_due = self._clock() + 4 * (self._clock() - started)
            return self._index[1]

    def _counts(self) -> dict[str, int]:
        with browse.connection(self.store) as con:
            return browse.ask(con, "state")[0]

    def answer(self, path: str, asked: Mapping[str, str]) -> Any:
        """The JSON answer of /api/PATH. KeyError: no such path or parameter; ValueError: a bad one."""
        skip, n = int(asked.get("skip", 0)), min(MAX_PAGE, int(asked.get("n", 50)))
        if skip < 0 or n < 0:
            raise ValueError("skip and n are not negative")
        if path == "state":
            return self.state()
        if path == "facets":
            return browse.facets(self.index())
        if path == "evaluations":
            return {"evaluations": self.kept("evaluations", lambda: browse.evaluations(self.store))}
        if path == "rationales":
            filters: dict[str, str | int | None] = {k: asked.get(k) or None for k in browse.FILTERS}
            if filters["level"] is not None:
                filters["level"] = int(filters["level"])
            return browse.listed(self.store, self.index(), filters, skip, n)
        if path == "question":
            return browse.rationales(self.store, [asked["key"]], prompter=self.prompter)
        if path == "reply":
            return {"item": self._item(asked["key"])}
        if path == "answers":
            return browse.predictions(self.store, [asked["key"]])
        if path == "pairs":
            return browse.pairs(self.store, asked["a"], asked["b"], asked.get("outcome"), asked.get("words"), skip, n)
        raise KeyError(path)

    def _item(self, key: str) -> dict[str, str] | None:
        found = browse.rationales(self.store, [], [key])
        if not found["rows"]:
            return None
        row = dict(zip(found["columns"], found["rows"][0], strict=True))
        cell, question = found["cells"][row["cell"]], found["questions"][row["question"]]
        return {"reply_key": key, "cell_key": cell["cell_key"], "question_key": question["key"]}


def make_server(live: Live, port: int) -> ThreadingHTTPServer:
    """A server on 127.0.0.1; port 0 takes a free one. OSError when the port is taken."""
    code_policy = policy(script(), served=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
            if host not in ("127.0.0.1", "localhost", "[::1]"):
                self._send(HTTPStatus.FORBIDDEN, "application/json", _error("this server answers loopback names only"))
                return
            parts = urlsplit(self.path)
            asked = dict(parse_qsl(parts.query))
            try:
                if parts.path in ("/", "/figures"):
                    live.redraw(live.version)
                    self._send(HTTPStatus.OK, "text/html; charset=utf-8", live.page())
                elif parts.path.startswith("/api/"):
                    made = json.dumps(live.answer(parts.path[5:], asked), ensure_ascii=False, default=str)
                    self._send(HTTPStatus.OK, "application/json", made)
                else:
                    raise KeyError(parts.path)
            except StoreError as error:
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", _error(str(error)))
            except KeyError as error:
                self._send(HTTPStatus.NOT_FOUND, "application/json", _error(f"there is no {error.args[0]}"))
            except ValueError as error:
                self._send(HTTPStatus.BAD_REQUEST, "application/json", _error(str(error)))
            except duckdb.Error as error:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "application/json", _error(str(error)))

        def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
            body = text.encode("utf-8", "replace")
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Content-Security-Policy", f"{code_policy}; frame-ancestors 'none'")
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


def _error(text: str) -> str:
    return json.dumps({"error": text})


def _being_drawn() -> Section:
    said = (
        "The figures are being drawn from the store; they appear here by themselves. The browsers below work already."
    )
    return Section("answer", "Which supervision worked", [paragraph(said, "nothing")], "Verdicts")
