"""Students as a plan sees them: which weights they have, without fetching anything."""

from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from ..store.store import Store
from ..train import estimate, profiles, students
from ..train.students import Student
from ..train.wanted import Order
from .design import Design

SQL = Path(__file__).parent / "sql"


def local_dir(student: Student) -> Path | None:
    """The student's directory where it is on this machine; None: the hub would have to be asked."""
    if student.path is not None:
        return student.path
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(student.hub_id or "", local_files_only=True))
    except Exception:  # not installed, not there, not whole: the hub's errors have no common base
        return None


def orders_of(design: Design) -> list[Order]:
    """Every student with every profile, with all seeds. ConfigError: unknown student, profile or setting."""
    t = design.training
    found = []
    for name in t.students:
        student = students.resolve_student(name)
        for profile in t.profiles or (student.profile,):
            found.append(Order(student, profiles.load(profile, t.settings), t.seeds, t.trainer))
    if len({(o.student.name, str(o.profile.identity())) for o in found}) < len(found):
        raise ConfigError(f"study {design.name}: two of its profiles are the same. Next: take one away")
    return found


def base_hashes(store: Store, orders: list[Order]) -> dict[str, str | None]:
    """By student: the identity of its weights, from its directory, or else as the store's newest run of it has it;
    None where neither knows."""
    with store.read() as con:
        recorded: Mapping[str, str] = dict(con.execute((SQL / "base_hashes.sql").read_text()).fetchall())
    found: dict[str, str | None] = {}
    for order in orders:
        name = order.student.name
        if name not in found:
            there = local_dir(order.student)
            found[name] = students.base_hash(there) if there is not None else recorded.get(name)
    return found


def weights_of(student: Student, table: Mapping[str, float]) -> float | None:
    """How many weights it has: counted on this machine, else as stated (millions in `table`), else None."""
    there = local_dir(student)
    if there is not None and (there / "config.json").is_file():
        return float(estimate.shape_of(there).weights)
    return table[student.name] * 1e6 if student.name in table else None
