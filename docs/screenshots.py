"""The pictures of docs/, taken by headless Chromium: python docs/screenshots.py demo=FILE paper=FILE laptop=FILE.

demo is the store of `just demo`; paper one with the rationales released with arXiv 2502.18001 (`import paper`, then
`audit`), of which only figures are shown, no texts; laptop the store of `study run laptop`.
"""

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from cotdistill.analysis.report import write_report
from cotdistill.gen.prompts import build
from cotdistill.store.store import Store

DOCS = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PHONES = ("#main", "#accuracy", "#rationales .same")


def opened(browser: Browser, report: Path, width: int, height: int, scheme: str = "light") -> Page:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready=yes]")
    page.add_style_tag(content="html { scroll-behavior: auto !important }")
    return page


def demo(browser: Browser, report: Path) -> None:
    opened(browser, report, 1200, 1660).screenshot(path=DOCS / "report.png")
    page = opened(browser, report, 1200, 1060)
    page.locator("#rationales").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.getElementById('rationales').offsetTop - 8)")
    page.screenshot(path=DOCS / "report-browser.png")
    shots = []
    for target in PHONES:
        phone = opened(browser, report, 390, 844, "dark")
        if target != "#main":
            phone.evaluate("s => scrollTo(0, document.querySelector(s).getBoundingClientRect().top - 60)", target)
        shots.append(base64.b64encode(phone.screenshot()).decode())
    together = browser.new_page(viewport={"width": 3 * 390 + 2 * 24, "height": 844})
    images = "".join(f'<img src="data:image/png;base64,{shot}">' for shot in shots)
    together.set_content(f'<body style="margin:0;display:flex;gap:24px;background:#fff">{images}</body>')
    together.screenshot(path=DOCS / "report-phone.png")


def paper(browser: Browser, report: Path) -> None:
    opened(browser, report, 1200, 1320).screenshot(path=DOCS / "report-paper.png")
    opened(browser, report, 1200, 1000).locator("#dose").screenshot(path=DOCS / "report-paper-dose.png")


def laptop(browser: Browser, report: Path) -> None:
    page = opened(browser, report, 1200, 1660)
    page.screenshot(path=DOCS / "report-laptop.png")
    page.locator("#accuracy").screenshot(path=DOCS / "report-laptop-levels.png")


TAKES = {"demo": demo, "paper": paper, "laptop": laptop}


def main(named: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, _, store in (word.partition("=") for word in named):
            TAKES[name](browser, write_report(Store(Path(store)), Path(folder) / "report.html", prompter=build))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
