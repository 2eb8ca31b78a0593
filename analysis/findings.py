"""What the rationales themselves say, in words: are they right, does a finer level get finer steps, what is missing.

For a store that has no student yet, these are the report's verdicts.
"""

from collections import defaultdict
from collections.abc import Sequence

from .answers import Row
from .headline import Headline
from .labels import ANSWER_ONLY, count, percent, recipe_of
from .statistics import wilson


def findings(cells: Sequence[Row], doses: Sequence[Row], faults: Sequence[Row]) -> list[Headline]:
    """`cells`: rows of coverage.sql; `doses`: of monotone.sql; `faults`: value, n of the audit's rules, if any."""
    return [h for h in (_right(cells), _dose(doses), _faults(faults, cells), _holes(cells)) if h is not None]


def _right(cells: Sequence[Row]) -> Headline | None:
    reasoned = [r for r in cells if r["format"] != ANSWER_ONLY]
    judged = [r | {"judged": r["correct"] + r["wrong"] + r["unparsed"]} for r in reasoned]
    n, k = sum(r["judged"] for r in judged), sum(r["correct"] for r in judged)
    if not n:
        return None
    found = wilson(k, n)
    said = [
        f"{k:,} of {n:,} judged rationales announce the gold answer (95 % interval {_fine(found.low)} to "
        f"{_fine(found.high)}); {sum(r['wrong'] for r in judged):,} announce another one, "
        f"{sum(r['unparsed'] for r in judged):,} none that can be read."
    ]
    known = [r for r in judged if r["judged"]]
    worst = min(known, key=lambda r: (r["correct"] / r["judged"], r["dataset"]))
    if worst["correct"] < worst["judged"] and len(known) > 1:
        words = recipe_of(worst).replace(" +gold", ", gold shown").replace(" -gold", ", gold hidden")
        where = f"{worst['teacher']} on {worst['dataset']}, {words}"
        said.append(
            f"The lowest cell is {where}: {percent(worst['correct'] / worst['judged'])} % of {worst['judged']:,}."
        )
    if strict := sum(r["strict"] for r in judged):
        said.append(f'By the paper\'s rule, the first match of "The answer is X", {_fine(strict / n)} % are right.')
    return Headline(
        "The rationales, answers without reasoning left out",
        f"{_fine(k / n)} % of the rationales end with the gold answer",
        tuple(said),
        True,
    )


def _dose(doses: Sequence[Row]) -> Headline | None:
    counted = [d for d in doses if d["n"]]
    if not counted:
        return None
    rising = [d for d in counted if all(a < b for a, b in zip(d["medians"], d["medians"][1:], strict=False))]
    most = max(len(d["levels"]) for d in counted)
    many = [d for d in counted if len(d["levels"]) == most > 2]
    said = [
        f"The median length rises at every step in {len(rising)} of {len(counted)} series (a data set, teacher and "
        "format)."
    ]
    said += [_fall(d) for d in counted if d not in rising][:5]
    if many:
        shares = [d["monotone_tokens"] / d["n"] for d in many]
        said.append(
            f"Of single questions, {_range(shares)} % get longer at each of {most} levels ({len(many)} series "
            "have them)." + (" The level is a weak label of what a question got." if max(shares) < 0.9 else "")
        )
    ends = [d["n_ends"] / d["n"] for d in counted]
    said.append(
        f"From the coarsest to the finest level, {_range(ends)} % get longer ({min(d['n'] for d in counted):,} to "
        f"{max(d['n'] for d in counted):,} questions a series)."
    )
    all_rise = len(rising) == len(counted)
    title = "Asking for finer steps gave longer rationales" if all_rise else "Finer levels are not always longer"
    return Headline("Dose check: requested level and realised length", title, tuple(said), all_rise)


def _fine(share: float) -> str:
    """Percent, with a second digit where one would round to all or nothing."""
    return f"{100 * share:.2f}" if share > 0.99 or share < 0.01 else percent(share)


def _range(shares: Sequence[float]) -> str:
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _fall(d: Row) -> str:
    steps = zip(d["levels"], d["levels"][1:], d["medians"], d["medians"][1:], strict=False)
    a, b, before, after = next(s for s in steps if s[2] >= s[3])
    than = "no longer than" if before == after else "shorter than"
    kind = "" if d["format"] in (None, "original") else f", {d['format']}"
    medians = f"median {after:g} and {before:g} tokens"
    return f"{d['teacher']} on {d['dataset']}{kind}: level {b} is {than} level {a} ({medians})."


def _faults(faults: Sequence[Row], cells: Sequence[Row]) -> Headline | None:
    if not faults:
        return None
    received = sum(r["received"] for r in cells)
    ranked = sorted(faults, key=lambda f: -f["n"])
    said = [f"{f['value']}: {f['n']:,} replies, {percent(f['n'] / received)} %." for f in ranked[:8]]
    if len(ranked) > 8:
        said.append(f"{len(ranked) - 8} rarer faults: see the filter of the browser below.")
    return Headline("Audit", f"{count(len(ranked), 'kind')} of faults found in the replies", tuple(said), False)


def _holes(cells: Sequence[Row]) -> Headline | None:
    holes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for r in cells:
        if not r["wanted"]:
            holes[r["dataset"], r["teacher"]].append(recipe_of(r))
    if not holes:
        return None
    n = sum(len(v) for v in holes.values())
    said = [f"{t} on {d} has no {', '.join(sorted(set(rs)))}." for (d, t), rs in sorted(holes.items())[:6]]
    if len(holes) > 6:
        said.append(f"{len(holes) - 6} more teachers and data sets: see coverage.")
    return Headline("The design", f"{count(n, 'cell')} missing that another teacher has", tuple(said), False)
