"""`cotdistill serve-teacher`: the built-in teachers by themselves, for any client of the OpenAI protocol."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import say


def serve_teacher(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8399,
    seed: Annotated[int, typer.Option(help="Another seed, other phrasings.")] = 0,
    sloppy_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of wrong answers of builtin-sloppy.")
    ] = 0.2,
    faults: Annotated[
        str | None,
        typer.Option(
            help="What goes wrong: shares 500:0.05,429:0.05,hang:0.005,cut:0.02,garbled:0.01; latency:0.2 (s)."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="Log every request to STORE.served.jsonl, beside that store.")
    ] = None,
) -> None:
    """Serve the built-in teachers on loopback, speaking the OpenAI chat-completions protocol, until Ctrl-C."""
    from ..gen.builtin.server import serve

    log = None if store is None else store.with_name(f"{store.name}.served.jsonl")
    if log is not None and not log.parent.is_dir():
        raise ConfigError(f"cannot log to {log}: no folder {log.parent}. Next: mkdir -p {log.parent}")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                "127.0.0.1",
                port,
                seed=seed,
                sloppy_share=sloppy_share,
                faults=faults,
                log=log,
                ready=lambda url: say(f"serving builtin-strict, builtin-diverse and builtin-sloppy at {url}"),
            )
        )
