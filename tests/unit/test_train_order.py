"""The order of a training's rows: whole, of like lengths, and a function of seed and epoch alone."""

from hypothesis import given
from hypothesis import strategies as st

from cotdistill.train.order import EpochOrder


@given(lengths=st.lists(st.integers(1, 500), max_size=300), batch=st.integers(1, 16), seed=st.integers(0, 5))
def test_every_row_once_and_the_longest_first(lengths: list[int], batch: int, seed: int) -> None:
    order = EpochOrder(len(lengths), seed=seed, batch=batch, lengths=lengths)
    rows = list(order)
    assert sorted(rows) == list(range(len(lengths)))
    if len(lengths) >= batch:
        assert max(lengths[row] for row in rows[:batch]) == max(lengths)


def test_an_epoch_is_its_own_and_can_be_seen_again() -> None:
    order = EpochOrder(100, seed=3, batch=4)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    order.set_epoch(0)
    assert list(order) == first != second
    assert list(EpochOrder(100, seed=4, batch=4)) != first


def test_batches_of_like_lengths_pad_little() -> None:
    lengths = [10 + (i * 37) % 200 for i in range(1000)]

    def padding(rows: list[int]) -> float:
        batches = [rows[i : i + 8] for i in range(0, 1000, 8)]
        return sum(max(lengths[r] for r in b) * len(b) for b in batches) / sum(lengths) - 1

    assert padding(list(EpochOrder(1000, seed=1, batch=8))) > 0.5
    assert padding(list(EpochOrder(1000, seed=1, batch=8, lengths=lengths))) < 0.05
