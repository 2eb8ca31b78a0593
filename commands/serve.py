"""`cotdistill serve-teacher`: the built-in teachers by themselves, for any client of the OpenAI protocol."""

import asyncio
import contextlib
from typing import Annotated

import typer

from .common import say


def serve_teacher(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8399,
    seed: Annotated[int, typer.Option(help="Another seed, other phrasings.")] = 0,
    sloppy_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of wrong answers of builtin-sloppy.")
    ] = 0.2,
) -> None:
    """Serve the built-in teachers on loopback, speaking the OpenAI chat-completions protocol, until Ctrl-C."""
    from ..gen.builtin.server import serve

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                "127.0.0.1",
                port,
                seed=seed,
                sloppy_share=sloppy_share,
                ready=lambda url: say(f"serving builtin-strict, builtin-diverse and builtin-sloppy at {url}"),
            )
        )
