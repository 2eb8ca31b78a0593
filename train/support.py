"""Which trainer and which engine takes a student, as the installed sources say (sources.py)."""

from dataclasses import dataclass

from .. import environments, sources
from .students import Student, known_students, resolve_student

ABSENT = "not installed"


@dataclass(frozen=True, slots=True)
class Support:
    """One student. `trl`, `unsloth`, `llamafactory`: what each trainer does with it; `transformers`, `vllm`: what each
    engine evaluates of it; `advice`: what follows, in words (None: nothing to be careful with)."""

    student: str
    family: str
    trl: str
    unsloth: str
    llamafactory: str
    transformers: str
    vllm: str
    advice: str | None = None


def table(names: list[str] | None = None) -> list[Support]:
    """The support of the students called `names` (None: all that are registered)."""
    return [support(resolve_student(name)) for name in names or known_students()]


def support(student: Student) -> Support:
    """What takes `student`. Its family must be known: a hub id that was never fetched has none yet."""
    family = student.family or "unknown"
    model_class = sources.architecture(family)
    here = "LoRA, full" if model_class else "no"
    vllm = _vllm(model_class)
    return Support(
        student=student.name,
        family=family,
        trl=here,
        unsloth=_unsloth(family),
        llamafactory=_elsewhere("llamafactory", family),
        transformers="adapter, merged" if model_class else "no",
        vllm=vllm,
        advice=_advice(student, vllm),
    )


def _unsloth(family: str) -> str:
    environment = environments.find("unsloth")
    if environment is None:
        return ABSENT
    if sources.architecture(family, environment) is None:
        return "no"
    return "own kernels" if family in sources.unsloth_kernels(environment) else "general way"


def _elsewhere(trainer: str, family: str) -> str:
    environment = environments.find(trainer)
    if environment is None:
        return ABSENT
    return "LoRA, full" if sources.architecture(family, environment) else "no"


def _vllm(model_class: str | None) -> str:
    environment = environments.find("vllm")
    if environment is None:
        return ABSENT
    takes = sources.vllm_takes(environment, model_class or "")
    return "adapter, merged" if takes.adapter else "merged" if takes.weights else "no"


def _advice(student: Student, vllm: str) -> str | None:
    said = []
    if vllm == "merged":
        said.append("an adapter is merged into its base before vLLM evaluates it")
    if student.gated and student.path is None:
        said.append(f"gated: accept its licence ({student.licence}) at https://huggingface.co/{student.hub_id}")
    return "; ".join(said) or None
