"""Hints that can be pasted: `cotdistill VERB` as this person types it, about the store in use."""

import os
import re
from functools import cache
from pathlib import Path

import typer

_WITHOUT_STORE = ("serve-teacher", "demo")

_store: Path | None = None
_app: typer.Typer | None = None


def know(app: typer.Typer) -> None:
    """Say which command line these hints are for: its verbs are what a command is recognised by."""
    global _app
    _app = app
    _commands.cache_clear()


def about(store: Path | None) -> None:
    """Say which store the hints that follow are about; None: the one every verb uses by itself."""
    global _store
    _store = store


def typed(text: str) -> str:
    """`text` with its commands as they are typed here.

    Recipes of the justfile set COTDISTILL_AS ("just run"): `cotdistill` is not on the PATH of who types `just`. A
    command about a store that is not the default one gets its --store, unless the text names one already.
    """
    program = os.environ.get("COTDISTILL_AS", "cotdistill")
    store = f" --store {_store}" if _store is not None and "--store" not in text else ""

    def one(match: re.Match[str]) -> str:
        verb = match[1]
        return f"{program} {verb}{'' if verb in _WITHOUT_STORE else store}"

    return _commands().sub(one, text)


@cache
def _commands() -> re.Pattern[str]:
    """What a command looks like in a text: `cotdistill` and one of the verbs the command line has."""

    def names(of: typer.Typer) -> list[str]:
        return [c.name or c.callback.__name__.replace("_", "-") for c in of.registered_commands if c.callback]

    app = _app or typer.Typer()
    verbs = names(app)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            own = group.typer_instance.registered_callback
            verbs += [str(group.name)] if own is not None and own.invoke_without_command is True else []
            verbs += [f"{group.name} {name}" for name in names(group.typer_instance)]
    verbs.sort(key=len, reverse=True)  # `evaluate teacher` before `evaluate`
    return re.compile(rf"(?<![\w./-])cotdistill ({'|'.join(map(re.escape, verbs))})(?![\w-])")
