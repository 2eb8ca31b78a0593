"""The report's head where it is a study's: what was designed, how far it is, and what it can tell."""

from ..analysis import page
from ..analysis.labels import points
from ..analysis.page import Section
from .holes import Hole
from .plan import Plan


def study_section(plan: Plan, holes: list[Hole]) -> Section:
    """One section, to come first."""
    design = plan.design
    stages = [(s.stage, s.unit, f"{s.wanted:,}", f"{s.done:,}", f"{s.wanted - s.done:,}") for s in plan.stages]
    tells = [
        (
            t.student,
            t.dataset,
            f"{t.n_questions:,}",
            str(t.seeds),
            str(t.n_arms),
            points(t.smallest).lstrip("+"),
            points(t.strictest).lstrip("+"),
            t.basis,
        )
        for t in plan.tells
    ]
    body = [page.paragraph(design.about)] if design.about else []
    body.append(page.table(("stage", "unit", "wanted", "done", "missing"), stages, words=2))
    if holes:
        rows = [(h.stage, h.what, h.why, f"{h.n:,} {h.unit}") for h in holes]
        body.append(page.folded(f"{len(holes)} holes", page.table(("stage", "what", "why", "missing"), rows, words=3)))
    else:
        whole = (
            "Nothing is missing. What follows is all that the store holds: this design, and what else was run on it."
        )
        body.append(page.paragraph(whole, "note"))
    columns = ("student", "data set", "questions", "seeds", "supervisions", "one comparison", "all with one", "basis")
    body.append(page.paragraph("Smallest true difference, in points, that is found four times in five:", "note"))
    body.append(page.table(columns, tells, words=2, wrapped=len(columns) - 1))
    return Section("study", f"The study {design.name}", body, "Study")
