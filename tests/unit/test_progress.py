"""What the bar of a harvest says, at chosen times."""

import sys

import pytest

from cotdistill.commands.progress import HarvestBar, Pace, words_of
from cotdistill.gen.tally import Tally


def tally(**now: float) -> Tally:
    return Tally(**{"n_wanted": 5_000, "n_cached": 1_200, **now})  # type: ignore[arg-type]


def test_the_pace_is_that_of_the_last_minute() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    rates = []
    for second in range(1, 301):
        now = float(second)
        rates.append(pace.saw(min(second, 100) + 10 * max(0, second - 100)))  # 1/s for 100 s, then 10/s
    assert rates[49] == pytest.approx(1.0)
    assert 1.0 < rates[129] < 10.0
    assert rates[299] == pytest.approx(10.0)


def test_the_words() -> None:
    assert words_of(tally(), 0.0) == "no reply yet, 0/min, $0.00, 3,800 left, 1,200 cached, 0 failed"
    busy = tally(n_done=1_900, n_failed=12, n_unusable=3, usd=1.234, store_busy=True)
    assert words_of(busy, 3.8) == (
        "8 min to go, 228/min, $1.23, 1,900 left, 1,200 cached, 12 failed, 3 unusable (store busy)"
    )
    assert words_of(tally(n_done=3_800, unpriced=3_800), 48.2) == "48/s, unknown, 0 left, 1,200 cached, 0 failed"


def test_without_a_terminal_a_line_now_and_then_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HarvestBar, "EVERY_S", 0.0)
    monkeypatch.setattr("cotdistill.commands.progress.REDRAW_S", 0.0)
    assert not sys.stderr.isatty()
    with HarvestBar("gpt-4o") as bar:
        bar.show(tally(n_done=10))
        bar.show(tally(n_done=3_800))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].startswith("gpt-4o: 1,210 of 5,000, ")
    assert " to go, " in said[0]
    assert said[-1].startswith("gpt-4o: 5,000 of 5,000, ")
