"""`cotdistill teachers`: the registry, its prices with their dates, which keys are there, and what each was paid."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .common import DEFAULT_STORE, JsonOption, RegistryOption, StoreOption, open_store, print_json, print_rows, say

if TYPE_CHECKING:
    from ..gen.teachers import Teacher

COLUMNS = ("teacher", "input", "output", "batch", "listed_on", "key", "spent")


def teachers(teachers: RegistryOption = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List who can be asked: dollars per million tokens, limits, whether the key is there, and what the store spent."""
    from ..gen.teachers import load_registry

    registry = load_registry(teachers).values()
    spent = _spent(store)
    if as_json:
        print_json([_all(one) | {"usd_spent": spent.get(one.name, 0.0)} for one in registry])
        return
    rows = [
        (t.name, t.usd_input, t.usd_output, _batch(t), t.listed_on, _key(t), round(spent.get(t.name, 0.0), 4))
        for t in registry
    ]
    print_rows(COLUMNS, rows, as_json=False, title="Teachers: dollars per million tokens, dollars spent")
    for one in registry:
        for note in _notes(one):
            say(f"{one.name}: {note}")
    say("Next: cotdistill generate --teacher NAME --dataset svamp --dry-run")


def _spent(path: Path) -> dict[str, float]:
    """Dollars by teacher, as far as they are known; nothing where there is no store."""
    if not path.exists():
        return {}
    with open_store(path, patience_s=20.0).read() as con:
        return dict(con.execute("SELECT teacher, usd FROM spend").fetchall())


def _batch(teacher: "Teacher") -> str | None:
    """What a batch saves."""
    return None if teacher.batch_discount is None else f"-{teacher.batch_discount:.0%}"


def _key(teacher: "Teacher") -> str:
    """Whether its key is in the environment; the key itself is never shown."""
    from ..gen.teachers import key_of

    if teacher.key_env is None:
        return "not needed"
    try:
        key_of(teacher)
    except ConfigError:
        return f"no {teacher.key_env}"
    return "present"


def _notes(teacher: "Teacher") -> list[str]:
    notes = [teacher.retired] if teacher.retired else []
    if teacher.model != teacher.name:
        notes.append(f"asks for {teacher.model} at {teacher.base_url}")
    if teacher.usd_input is not None and teacher.price is None:
        notes.append(f"the price held until {teacher.listed_until}; now it is unknown")
    limits = [
        f"{value:,.0f} {what} a minute"
        for value, what in ((teacher.requests_per_minute, "requests"), (teacher.tokens_per_minute, "tokens"))
        if value is not None
    ]
    return notes + (["at most " + " and ".join(limits)] if limits else [])


def _all(teacher: "Teacher") -> dict[str, Any]:
    entry = teacher.model_dump(mode="json", exclude={"base_url"})
    return entry | {"base_urls": list(teacher.base_urls), "key": _key(teacher)}
