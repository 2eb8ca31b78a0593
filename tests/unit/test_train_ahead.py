"""How long many runs still take: from what was done while it was watched, not from what a resumed run had before."""

from cotdistill.commands.progress import Ahead
from cotdistill.commands.runs import curve


def test_the_time_left_is_that_of_all_runs() -> None:
    now = [0.0]
    ahead = Ahead(clock=lambda: now[0])
    assert ahead.left_s(4) is None
    ahead.saw(0, 0.0)
    now[0] = 10.0
    ahead.saw(0, 0.5)
    assert ahead.left_s(4) == 3.5 * 10 / 0.5
    ahead.saw(0, 1.0)
    assert (ahead.done, ahead.left_s(4)) == (1.0, 30.0)


def test_what_a_resumed_run_had_is_no_measure_of_speed() -> None:
    now = [0.0]
    ahead = Ahead(clock=lambda: now[0])
    ahead.saw(0, 0.8)
    assert ahead.left_s(1) is None
    now[0] = 5.0
    ahead.saw(0, 0.9)
    left = ahead.left_s(1)
    assert left is not None and abs(left - 5.0) < 1e-9


def test_a_loss_curve_in_a_line() -> None:
    assert curve([4.0, 3.0, 2.0, 1.0]) == "4.000 █▆▃▁ 1.000"
    assert curve([2.0]) == "2.000 ▁ 2.000"
    assert len(curve([float(i) for i in range(1000)]).split()[1]) == 40
