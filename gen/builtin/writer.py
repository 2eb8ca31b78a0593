"""Writes a rationale for a solved problem: six grains, four formats and the bare answer, three styles.

Grain, shown in the original format:
    1  the expression alone                        "4 + 16 - 5. The answer is 15."
    2  worked out on one line                      "4 + 16 - 5 = 20 - 5 = 15. ..."
    3  one short command and equation per step     "Add 16: 4 + 16 = 20. ..."
    4  each step says what it finds and why        "Tom gains 16, so Tom has 4 + 16 = 20 apples. ..."
    5  first the facts, then level 4
    6  each fact with its role, level 4 with a check of each step, and a summary
From level 3 on no line has more than one operation. Every text ends in "The answer is N."
Styles: strict has one phrasing and the problem's order; diverse many of both; sloppy is diverse and wrong in a share.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import ConfigError
from ...tasks.datasets.arith_grammar import singular
from . import phrases
from .plans import reorder, slip
from .solver import Solution, Step

Style = Literal["strict", "diverse", "sloppy"]
STYLES: tuple[Style, ...] = ("strict", "diverse", "sloppy")
FORMATS = ("original", "least-to-most", "rephrase-and-respond", "symbolic", "answer-only")
SLOPPY_SHARE = 0.2


def seed_for(*parts: object) -> random.Random:
    """A generator seeded by `parts`: teacher seed, model, question, level, format, sample."""
    return random.Random("\x1f".join(map(str, parts)))


def write(
    solution: Solution,
    level: int,
    format: str,
    style: Style,
    rng: random.Random,
    *,
    sloppy_share: float = SLOPPY_SHARE,
) -> str:
    """The rationale. Strict draws nothing from `rng`. ConfigError: unknown level or format."""
    if format not in _WRITERS or not 1 <= level <= 6:
        raise ConfigError(f"no rationale at level {level} in format {format!r}. Levels 1 to 6; formats {FORMATS}")
    plan = solution
    if style != "strict":
        plan = reorder(plan, rng)
    if style == "sloppy" and rng.random() < sloppy_share:
        plan = slip(plan, rng)
    page = _Page(solution, plan, level, None if style == "strict" else rng)
    body = _WRITERS[format](page)
    return " ".join([*body, phrases.ANSWER.format(x=plan.final)])


@dataclass(frozen=True, slots=True)
class _Page:
    """What a format writer needs: the facts as read, the steps as worked, the level, and how to choose a phrase."""

    solution: Solution
    plan: Solution
    level: int
    rng: random.Random | None

    def say(self, options: Sequence[str], **slots: object) -> str:
        option = options[0] if self.rng is None else self.rng.choice(options)
        return option.format_map(slots)

    def about(self, options: Mapping[str, Sequence[str]], step: Step, **more: object) -> str:
        """A phrase of `options` for the step's kind."""
        things = self.solution.objects
        return self.say(
            options[step.kind],
            a=step.subject,
            b=step.other,
            l=step.left,
            r=step.right,
            n=step.right,
            x=step.result,
            eq=step.equation,
            os=things,
            o=singular(step.result, things),
            **more,
        )

    def facts(self, options: Mapping[str, Sequence[str]]) -> list[str]:
        """One phrase for each fact, in the problem's order."""
        start, things = self.solution.start, self.solution.objects
        said = []
        if start is not None:
            said.append(self.say(options["start"], a=self.solution.starter, n=start, o=singular(start, things)))
        return said + [self.about(options, step) for step in self.solution.steps]

    def opening(self) -> list[str]:
        """The facts, restated at level 5 and with their roles at level 6; nothing below."""
        if self.level < 5:
            return []
        facts = self.facts(phrases.FACT)
        if self.level == 6:
            facts = [f"{fact}, {role}" for fact, role in zip(facts, self.facts(phrases.ROLE), strict=True)]
        return [self.say(phrases.FACTS_HEAD), *(f"{fact[0].upper()}{fact[1:]}." for fact in facts)]

    def check(self, step: Step) -> list[str]:
        return [self.say(phrases.CHECK, check=step.check)] if self.level == 6 else []

    def closing(self) -> list[str]:
        if self.level < 6:
            return []
        last, things = self.plan.final, self.solution.objects
        return [self.say(phrases.SUMMARY, a=self.solution.subject, x=last, o=singular(last, things))]

    def whole(self) -> str:
        """The computation as one expression (level 1), or reduced step by step on one line (level 2)."""
        last = len(self.plan.steps) - 1
        n_shown = 1 if self.level == 1 else len(self.plan.steps) + 1
        return " = ".join(_expression(self.plan.steps, last, n_done) for n_done in range(n_shown))


def _expression(steps: Sequence[Step], i: int, n_done: int) -> str:
    """Step `i` with the steps it builds on written out, except the first `n_done`, which stand as their results."""
    step = steps[i]
    if i < n_done:
        return str(step.result)
    left = str(step.left) if step.left_from is None else _expression(steps, step.left_from, n_done)
    right = str(step.right) if step.right_from is None else _expression(steps, step.right_from, n_done)
    if step.swapped:
        left, right = right, left
    if " + " in right or " - " in right:
        right = f"({right})"
    return f"{left} {step.operator} {right}"


def _original(page: _Page) -> list[str]:
    if page.level <= 2:
        return [page.say(phrases.WHOLE, e=page.whole())]
    options = phrases.COMMAND if page.level == 3 else phrases.FINDING
    lines = page.opening()
    for step in page.plan.steps:
        lines += [page.about(options, step), *page.check(step)]
    return lines + page.closing()


def _least_to_most(page: _Page) -> list[str]:
    """Each step answers a sub-question: with a number (level 1), an equation (2), a command (3), a finding (4 to 6)."""
    ask = phrases.ASK_SHORT if page.level <= 3 else phrases.ASK
    lines = page.opening()
    for step in page.plan.steps:
        lines.append(page.about(ask, step))
        if page.level <= 2:
            lines.append(f"{step.result if page.level == 1 else step.equation}.")
        else:
            lines += [page.about(phrases.COMMAND if page.level == 3 else phrases.FINDING, step), *page.check(step)]
    return lines + page.closing()


def _rephrase_and_respond(page: _Page) -> list[str]:
    """The problem in the teacher's words, in short up to level 2, then the response in the original format."""
    if page.level <= 2:
        said = page.say(phrases.REPHRASED_SHORT, facts=", ".join(page.facts(phrases.FACT_SHORT)))
    else:
        facts, things = ", ".join(page.facts(phrases.FACT)), page.solution.objects
        said = page.say(phrases.REPHRASED, facts=facts, os=things, a=page.solution.subject)
    return [said, *_original(page)]


def _symbolic(page: _Page) -> list[str]:
    """Equations: one for the unknown x (levels 1, 2), one variable per step (3), each introduced in words (4 to 6)."""
    if page.level <= 2:
        return [f"x = {page.whole()}."]
    start, things = page.solution.start, page.solution.objects
    lines = page.opening()
    names = iter("abcdefghijklmnopqrstuvw")
    first = ""
    if start is not None:
        first = next(names)
        let = phrases.LET_START if page.level > 3 else ("{v} = {n}.",)
        lines.append(page.say(let, v=first, n=start, a=page.solution.starter, os=things))
    found: list[str] = []
    for step in page.plan.steps:
        name = next(names)
        left = found[step.left_from] if step.left_from is not None else ""
        if step.left_from is None and step.kind in ("gain", "loss", "more", "fewer"):
            left = first
        right = found[step.right_from] if step.right_from is not None else ""
        pair = [left or str(step.left), right or str(step.right)]
        relation = f" {step.operator} ".join(reversed(pair) if step.swapped else pair)
        equation = f"{name} = {relation} = {step.equation}" if left or right else f"{name} = {step.equation}"
        lines.append(page.about(phrases.LET, step, v=name, eqv=equation) if page.level > 3 else f"{equation}.")
        lines += page.check(step)
        found.append(name)
    return [*lines, f"x = {found[-1]}.", *page.closing()]


def _answer_only(page: _Page) -> list[str]:
    return []


_WRITERS: dict[str, Callable[[_Page], list[str]]] = {
    "original": _original,
    "least-to-most": _least_to_most,
    "rephrase-and-respond": _rephrase_and_respond,
    "symbolic": _symbolic,
    "answer-only": _answer_only,
}
