"""Other ways to the same answer, and ways to a wrong one: the order and association of a solution's steps."""

import random
from dataclasses import replace

from .solver import Solution, Step

_SIGN = {"gain": 1, "loss": -1}
_MAX_TRIES = 4
_REORDERED = 0.5  # share of solutions with two or more gains and losses
_TOGETHER = 0.5  # of these, the share that takes two changes together first
_SWAPPED = 0.25  # share of sums and products with swapped operands
_SLIPS = (1, -1, 2, -2, 10, -10)


def reorder(solution: Solution, rng: random.Random) -> Solution:
    """The problem's own order, or the changes in another order, or two of them taken together first.

    As many steps as before, no intermediate below zero, the same answer.
    """
    fixed = [s for s in solution.steps if s.kind not in _SIGN]  # a product or comparison comes before all changes
    changes = [(_SIGN[s.kind], s.right) for s in solution.steps if s.kind in _SIGN]
    steps = list(solution.steps)
    if len(changes) > 1 and rng.random() < _REORDERED:
        for _ in range(_MAX_TRIES):
            rng.shuffle(changes)
            found = _chain(solution, fixed, changes, together=rng.random() < _TOGETHER)
            if found is not None:
                steps = found
                break
    return replace(solution, steps=tuple(_swap(step, rng) for step in steps))


def _chain(solution: Solution, fixed: list[Step], changes: list[tuple[int, int]], together: bool) -> list[Step] | None:
    """`fixed`, then steps over `changes` (sign, amount), the first two taken together if asked. None: below zero."""
    who = solution.subject
    steps = list(fixed)
    total = fixed[-1].result if fixed else solution.start or 0
    last = len(steps) - 1 if fixed else None
    pending: list[tuple[int, int, int | None]] = [(sign, n, None) for sign, n in changes]
    if together:
        (sign, n, _), (other_sign, m, _), *rest = pending
        if sign == other_sign:
            steps.append(Step("gains" if sign > 0 else "losses", who, "", n, "+", m, n + m))
        else:
            sign, n, m = (sign, n, m) if n >= m else (other_sign, m, n)
            steps.append(Step("net_gain" if sign > 0 else "net_loss", who, "", n, "-", m, n - m))
        pending = [(sign, steps[-1].result, len(steps) - 1), *rest]
    for sign, n, source in pending:
        result = total + sign * n
        if result < 0:
            return None
        operator, kind = ("+", "gain") if sign > 0 else ("-", "loss")
        steps.append(Step(kind, who, "", total, operator, n, result, last, source))  # type: ignore[arg-type]
        total, last = result, len(steps) - 1
    return steps


def _swap(step: Step, rng: random.Random) -> Step:
    if step.kind not in ("gain", "product", "more") or rng.random() >= _SWAPPED:
        return step
    return replace(step, swapped=True)


def slip(solution: Solution, rng: random.Random) -> Solution:
    """One step miscalculated by 1, 2 or 10; its wrong result is used from there on, and a wrong answer announced."""
    tries = [(place, delta) for place in range(len(solution.steps)) for delta in _SLIPS]
    rng.shuffle(tries)
    for place, delta in tries:
        steps = _carry(solution.steps, place, delta)
        if steps is not None and steps[-1].result != solution.final:
            return replace(solution, steps=tuple(steps), final=steps[-1].result)
    raise AssertionError("one more at the last step is always a slip")


def _carry(steps: tuple[Step, ...], place: int, delta: int) -> list[Step] | None:
    """`steps` recomputed with `delta` added to the result at `place`; None when a number falls below zero."""
    done: list[Step] = []
    for i, step in enumerate(steps):
        left = step.left if step.left_from is None else done[step.left_from].result
        right = step.right if step.right_from is None else done[step.right_from].result
        result = {"+": left + right, "-": left - right, "*": left * right}[step.operator]
        result += delta if i == place else 0
        if result < 0:
            return None
        done.append(replace(step, left=left, right=right, result=result))
    return done
