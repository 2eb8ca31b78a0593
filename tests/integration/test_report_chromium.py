"""The report in a real browser: filters, links, keyboard, phone, dark, print, hostile texts, how fast it opens.

Needs playwright (in the extra `dev`) and Debian's chromium (`apt-get install chromium`), or CHROMIUM=PATH; skipped,
with the reason, where one is missing.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cotdistill.analysis.report import write_report
from cotdistill.tasks.values import Question

from .conftest import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.slow
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = {
    0: "<script>window.pwned = 1</script> The answer is 1",
    1: "</script><script>window.pwned = 2</script> The answer is 1",
    2: "</template></div><img src=x onerror='window.pwned = 3'> The answer is 1",
    3: "abc \u202edrawkcab\u202c \u200fmark\u2066 The answer is 1",
    4: "nul \x00 bell \x07 end. The answer is 1",
    5: "y" * 1_000_000,
    6: "<!--<script> ]]> &lt;b&gt; \u2028 The answer is 1",
}
OPENS_IN_S = 3.0


@dataclass
class Opened:
    """A page with what it said and asked for."""

    page: "Page"
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright. Next: pip install playwright")
    if not CHROMIUM:
        pytest.skip("no chromium. Next: apt-get install chromium, or CHROMIUM=PATH")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def visit(browser: "Browser", url: str, **context: Any) -> Opened:
    made = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | context))
    opened = Opened(made.new_page())
    opened.page.on("console", lambda m: opened.errors.append(m.text) if m.type in ("error", "warning") else None)
    opened.page.on("pageerror", lambda e: opened.errors.append(str(e)))
    opened.page.on("request", lambda r: opened.requests.append(r.url))
    opened.page.on("dialog", lambda d: opened.errors.append(f"dialog {d.message}"))
    opened.page.goto(url)
    opened.page.wait_for_selector("body[data-ready=yes]")
    return opened


def says(locator: "Locator", words: str | re.Pattern[str]) -> None:
    """Wait until the element has these words (a page that is right is there at once)."""
    from playwright.sync_api import expect

    expect(locator).to_have_text(words, timeout=90_000)


def focused(locator: "Locator") -> None:
    from playwright.sync_api import expect

    expect(locator).to_be_focused()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """800 questions by four recipes, texts of some 800 characters, six runs on 200 test questions."""
    lab = Lab(tmp_path_factory.mktemp("browser") / "store.duckdb", 800, 200)

    def write(level: int, style: str) -> Any:
        def text(q: Question) -> str:
            steps = " ".join(f"{style} {i}: {i} + {level} = {i + level}." for i in range(10 * level + 20))
            return f"{steps} The answer is {q.gold if len(q.text) % 3 else -1}"

        return text

    cells = {
        (level, format): lab.cell("teacher", level, format, write(level, style), usd=0.001 * level)
        for level, format, style in ((1, "original", "Step"), (3, "original", "Step"), (5, "original", "Step"))
    }
    cells[3, "symbolic"] = lab.cell("teacher", 3, "symbolic", write(3, "S"), usd=0.002)
    lab.untouched(range(9))
    for (level, format), cell in cells.items():
        for seed in (1, 2):
            lab.run(cell, seed, range(seed, 30 * level + 20 * (format == "symbolic")))
    return lab


@pytest.fixture(scope="module")
def report(lab: Lab) -> Path:
    return write_report(lab.store, lab.store.path.with_name("report.html"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lab = Lab(tmp_path_factory.mktemp("hostile") / "store.duckdb", 7, 20)
    cell = lab.cell("<b>T</b>", 1, "original", lambda q: HOSTILE[[t.key for t in lab.train].index(q.key)])
    lab.cell("<b>T</b>", 2, "original", lambda q: f"<i>{q.gold}</i> The answer is {q.gold}")
    del cell
    return write_report(lab.store, lab.store.path.with_name("report.html"))


def test_it_opens_fast_alone_and_quietly(chromium: "Browser", report: Path) -> None:
    took = []
    for _ in range(3):
        opened = visit(chromium, report.as_uri())
        took.append(opened.page.evaluate("performance.now()") / 1000)
        assert opened.errors == [] and opened.requests == [report.as_uri()]
        n = opened.page.evaluate("JSON.parse(document.getElementById('data').textContent).rationales.rows.length")
        assert n == 2000
        opened.page.context.close()
    print(
        f"opened in {min(took):.2f} s of {[f'{t:.2f}' for t in took]}; {report.stat().st_size / 1e6:.1f} MB",
        file=sys.stderr,
    )
    assert min(took) < OPENS_IN_S


def test_links_lead_to_their_sections(chromium: "Browser", report: Path) -> None:
    page = visit(chromium, report.as_uri()).page
    targets = page.eval_on_selector_all("nav a", "links => links.map(a => a.getAttribute('href'))")
    assert len(targets) >= 16
    for target in targets:
        page.click(f'nav a[href="{target}"]')
        assert page.eval_on_selector(target, "s => s.querySelector('h2').textContent.length > 0")
        assert page.evaluate("location.hash") == target


def test_filters_and_words(chromium: "Browser", report: Path) -> None:
    opened = visit(chromium, report.as_uri())
    _page, root = opened.page, opened.page.locator("#rationales")
    assert root.locator(".found").inner_text() == "2,000 rationales"
    root.locator('select[name="level"]').select_option("3")
    root.locator('select[name="format"]').select_option("symbolic")
    says(root.locator(".found"), re.compile("match$"))
    metas = root.locator(".items .meta").all_inner_texts()
    assert len(metas) == 50 and all("level 3 symbolic" in m for m in metas)
    root.locator(".more").click()
    assert root.locator(".items li").count() == 100
    root.locator('select[name="verdict"]').select_option("wrong")
    assert all("wrong" in m for m in root.locator(".items .meta").all_inner_texts())
    root.locator('input[type="search"]').fill("no such words anywhere")
    says(root.locator(".found"), "0 rationales match")
    assert "Nothing matches" in root.locator(".detail").inner_text()
    root.locator(".clear").click()
    says(root.locator(".found"), "2,000 rationales")
    assert opened.errors == []


def test_the_chain_and_the_levels_side_by_side(chromium: "Browser", report: Path) -> None:
    opened = visit(chromium, report.as_uri())
    page, detail = opened.page, opened.page.locator("#rationales .detail")
    page.locator('#rationales select[name="verdict"]').select_option("correct")
    says(page.locator("#rationales .found"), re.compile("match$"))
    says(detail.locator("h3"), re.compile("correct"))
    steps = detail.locator(".step > h4").all_inner_texts()
    assert steps == ["Question", "Prompt", "Reply and rationale", "Verdict", "Corpora", "Runs", "Predictions"]
    assert detail.locator(".beside article").count() == 3  # one question at levels 1, 3, 5 of the original format
    first = detail.locator("h3").inner_text()
    detail.locator(".beside article header button").last.click()
    assert "level 5" not in first
    says(detail.locator("h3"), re.compile("level 5 by teacher"))
    detail.locator(".same select").select_option(label="level 3: every teacher and format")
    assert detail.locator(".beside article").count() == 2
    link = page.evaluate("location.href")
    assert "#rationale=" in link
    again = visit(chromium, link).page
    assert "level 5 by teacher" in again.locator("#rationales .detail h3").inner_text()
    detail.locator("button", has_text="its predictions").first.click()
    focused(page.locator('#predictions select[name="a"]'))
    assert "level 5" in page.locator('#predictions select[name="a"] option:checked').inner_text()
    assert opened.errors == []


def test_two_runs_side_by_side(chromium: "Browser", report: Path) -> None:
    page = visit(chromium, report.as_uri()).page
    root = page.locator("#predictions")
    assert "untouched" in root.locator('select[name="b"] option:checked').inner_text()
    counts = root.locator('select[name="outcome"] option').all_inner_texts()
    total = int(root.locator(".found").inner_text().split()[0].replace(",", ""))
    assert sum(int(c.rpartition("(")[2].rstrip(")")) for c in counts[1:]) == total
    root.locator('select[name="outcome"]').select_option("only a")
    says(root.locator(".found"), re.compile("question"))
    says(root.locator(".items .meta").first, re.compile("A ✓ correct B ✗ wrong"))
    assert root.locator(".detail .beside article").count() == 2
    assert "gold answer" in root.locator(".detail").inner_text()
    root.locator(".detail summary").click()
    assert root.locator(".detail .plain li").count() == 9


def test_the_keyboard_is_enough(chromium: "Browser", report: Path) -> None:
    page = visit(chromium, report.as_uri()).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator('#rationales select[name="dataset"]').focus()
    order = []
    for _ in range(9):
        order.append(page.evaluate("document.activeElement.name || document.activeElement.type || 'list'"))
        page.keyboard.press("Tab")
    assert order[:5] == ["dataset", "teacher", "level", "format", "verdict"]
    page.locator("#rationales .items button[tabindex='0']").focus()
    before = page.locator("#rationales .detail h3").inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert (
        page.evaluate("[...document.querySelectorAll('#rationales .items button')].indexOf(document.activeElement)")
        == 3
    )
    page.keyboard.press("Enter")
    focused(page.locator("#rationales .detail"))
    assert page.locator("#rationales .detail h3").inner_text() != before
    assert page.locator("#rationales .items [aria-current]").count() == 1
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"


def test_everything_that_is_operated_has_a_name(chromium: "Browser", report: Path) -> None:
    page = visit(chromium, report.as_uri()).page
    nameless = page.evaluate("""() => [
        ...document.querySelectorAll('select, input, button, [role=img], [tabindex="0"], svg')
    ].filter((e) => e.tagName === 'svg' ? !e.closest('[role=img][aria-label]')
        : !(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length))).length""")
    assert nameless == 0
    levels = page.eval_on_selector_all("h1, h2, h3, h4, h5", "hs => hs.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_screen_is_enough(chromium: "Browser", report: Path, hostile: Path, width: int) -> None:
    for path in (report, hostile):
        opened = visit(chromium, path.as_uri(), viewport={"width": width, "height": 844}, has_touch=True)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        small = opened.page.evaluate("""() => [...document.querySelectorAll('select, input, .more, .clear')]
            .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 40).length""")
        assert small == 0 and opened.errors == []
        opened.page.context.close()


def test_dark_and_print(chromium: "Browser", report: Path) -> None:
    page = visit(chromium, report.as_uri(), color_scheme="dark").page
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 27)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 33, 48)"
    assert not page.locator("nav").is_visible() and not page.locator(".browser").first.is_visible()
    assert page.locator("#answer .verdict").first.is_visible()


def test_hostile_texts_are_shown_as_text(chromium: "Browser", hostile: Path) -> None:
    opened = visit(chromium, hostile.as_uri())
    page, root = opened.page, opened.page.locator("#rationales")
    root.locator('select[name="level"]').select_option("1")
    says(root.locator(".found"), "7 rationales match")
    seen = []
    for i in range(7):
        root.locator(".items button").nth(i).click()
        focused(root.locator(".detail"))
        seen.append(root.locator(".detail .step:nth-child(3) .text").first.inner_text())
        if "yyy" in seen[-1]:
            assert "has 1,000,000 characters" in root.locator(".detail").inner_text()
    everything = "\n".join(seen)
    for wanted in (
        *(
            "<script>window.pwned = 1</script>",
            "</script><script>window.pwned = 2</script>",
            "</template></div><img src=x",
        ),
        *("U+202Edrawkcab", "U+200Fmark", "nul U+0000 bell U+0007", "<!--<script> ]]> &lt;b&gt; U+2028"),
    ):
        assert wanted in everything, wanted
    assert page.evaluate("window.pwned") is None and opened.errors == [] and opened.requests == [hostile.as_uri()]
    assert page.locator("#coverage th.name", has_text="<b>T</b>").count() == 1
    assert root.locator('select[name="teacher"] option').nth(1).inner_text() == "<b>T</b> (14)"


def test_the_served_page_pages_and_follows_the_store(chromium: "Browser", tmp_path: Path) -> None:
    lab = Lab(tmp_path / "store.duckdb", 60, 20)
    cell = lab.cell("teacher", 2, "original", lambda q: f"1 + 1 = 2. The answer is {q.gold}")
    words = [sys.executable, "-m", "cotdistill", "report", "--serve", "--port", "0", "--store", str(lab.store.path)]
    served = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout is not None
        url = served.stdout.readline().strip()
        opened = visit(chromium, url)
        page, root = opened.page, opened.page.locator("#rationales")
        assert root.locator(".items li").count() == 50
        root.locator(".more").click()
        says(root.locator(".found"), "60 rationales")
        says(page.locator("#coverage h2"), "Coverage of the design")  # the figures came by themselves
        says(page.locator("#live"), re.compile("^Live: 60 replies"))
        assert root.locator(".items li").count() == 60
        page.locator("#coverage summary").last.click()
        lab.run(cell, 1, range(12))
        lab.cell("newcomer", 4, "original", lambda q: f"The answer is {q.gold}")
        says(page.locator("#live"), re.compile("^Live: 120 replies"))
        says(root.locator(".found"), "120 rationales")
        says(page.locator("#coverage table.heat"), re.compile("newcomer"))
        assert page.locator("#coverage details[open]").count() == 1  # what was open stays open
        says(page.locator("#predictions .found"), "20 questions")
        assert opened.errors == [] and all(r.startswith(url) for r in opened.requests)
        page.context.close()
    finally:
        served.terminate()
        served.communicate(timeout=60)
