"""The report: one file, nothing fetched, every section there whatever the store holds."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cotdistill.analysis.report import write_report
from cotdistill.errors import ConfigError
from cotdistill.store.store import Store

if TYPE_CHECKING:
    from .conftest import Lab

ANSWERED = (
    *("answer", "asked", "accuracy", "teachers", "formats", "diversity", "pareto", "dose", "loss", "coverage", "spend"),
    *("runs", "made"),
)
BROWSERS = ("rationales", "predictions")
SECTIONS = (*ANSWERED, *BROWSERS)
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Checker(HTMLParser):
    """Collects what a page would fetch, its text and its ids, and notices tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "srcset", "data", "xlink:href") and not (value or "").startswith(
                ("#", "data:,")
            ):
                self.fetched.append(f"{tag} {value}")
        if tag in ("iframe", "object", "embed"):
            self.fetched.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> tuple[str, Checker]:
    html = path.read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    return html, checker


def own(html: str) -> str:
    """The report less the named questions that have no section of their own."""
    return re.sub(r'<section id="questions".*?</section>', "", html, flags=re.DOTALL)


def test_a_full_report_answers_and_fetches_nothing(full_lab: "Lab", tmp_path: Path) -> None:
    path = write_report(full_lab.store, tmp_path / "report.html", now="2026-01-02T03:04:05")
    html, checker = read(path)
    text = "".join(checker.text)
    assert checker.fetched == [] and "://" not in html and "@import" not in html and "url(" not in html.lower()
    assert [i for i in checker.ids if i in SECTIONS] == list(SECTIONS)
    assert "said" in checker.ids and "teacher wrote 116 replies about arith at levels 1 and 3; tiny learned" in text
    assert "Level 3 of teacher worked best" in text
    assert "70.0 % right" in text and "100 questions, 2 runs" in text and "+50.0 points against the answer-only" in text
    assert "about these runs" in text
    # accuracy, two of length and diversity, dollars, tokens, doses, losses; each for a phone and for a screen
    assert own(html).count("<svg") == 14
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert "greedy, max_new_tokens 64" in text and "cotdistill analyze levels --json" in text
    assert [p.name for p in tmp_path.iterdir() if "report" in p.name] == ["report.html"]


def test_ink_follows_the_colour_scheme(full_lab: "Lab", tmp_path: Path) -> None:
    html, _ = read(write_report(full_lab.store, tmp_path / "report.html"))
    assert "prefers-color-scheme: dark" in html and 'fill="var(--ink)"' in html
    assert not re.search(r"#0(10203|40506|70809|a0b0c)", html)


def test_an_empty_store_reports_what_to_do(store_path: Path, tmp_path: Path) -> None:
    html, checker = read(write_report(Store.open(store_path), tmp_path / "report.html"))
    assert [i for i in checker.ids if i in SECTIONS] == list(SECTIONS)
    assert re.sub("<noscript>.*?</noscript>", "", own(html)).count('class="nothing"') == len(ANSWERED)
    assert "<svg" not in html


def test_rationales_alone_show_doses_and_coverage(lab: "Lab", tmp_path: Path) -> None:
    lab.cell("<b>bold</b> & co", 2, "original", lambda q: f"1 + 1 = 2. The answer is {q.gold}")
    html, checker = read(write_report(lab.store, tmp_path / "report.html"))
    assert own(html).count("<svg") == 2 and "nothing can be said yet" in html
    assert "100.00 % of the rationales end with the gold answer" in "".join(checker.text)
    assert "<b>bold</b>" not in html and "<b>bold</b> & co" in "".join(checker.text)


def test_every_figure_has_its_n_its_numbers_and_its_query(full_lab: "Lab", tmp_path: Path) -> None:
    html, _ = read(write_report(full_lab.store, tmp_path / "report.html"))
    figures = re.findall(r"<figure>.*?</figure>", own(html), re.DOTALL)
    assert len(figures) == 7
    for figure in figures:
        assert re.search(r'class="n">[^<]*\bn = \d', figure) and "<table>" in figure and 'role="img"' in figure
    for anchor in ANSWERED:
        section = re.search(rf'<section id="{anchor}".*?</section>', html, re.DOTALL)
        assert section and ("SELECT" in section[0] or 'class="nothing"' in section[0])


def test_the_script_is_named_by_the_policy_and_the_size_is_stated(full_lab: "Lab", tmp_path: Path) -> None:
    path = write_report(full_lab.store, tmp_path / "report.html")
    html, _ = read(path)
    script = html.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html and "unsafe-eval" not in html
    stated = re.search(r"This file is ([0-9.]+) (kB|MB)", html)
    assert stated
    size = float(stated[1]) * {"kB": 1e3, "MB": 1e6}[stated[2]]
    assert size == pytest.approx(path.stat().st_size, rel=0.06)


def test_a_report_is_written_whole_or_not_at_all(store_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    (target / "x").touch()
    with pytest.raises(ConfigError, match="cannot write"):
        write_report(Store.open(store_path), target)
    with pytest.raises(ConfigError, match="cannot write"):
        write_report(Store.open(store_path), tmp_path / "absent" / "report.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == [store_path.name, "taken"]
