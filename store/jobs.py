"""Jobs: one row per use of a verb that changes the store, written before its work starts."""

import platform
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ..tasks import keys
from .spool import utc_now
from .store import Store, as_json

LIBRARIES = (
    "cotdistill", "duckdb", "polars", "openai", "google-genai", "aiohttp", "httpx", "torch", "transformers", "trl",
    "peft", "datasets", "accelerate", "unsloth", "vllm", "llamafactory", "deepspeed",
)  # fmt: skip


def record_job(store: Store, verb: str, config: Mapping[str, Any]) -> None:
    """Write down what is about to be done: resolved configuration, its hash, library versions and git state."""
    text = as_json({k: asdict(v) if is_dataclass(v) and not isinstance(v, type) else v for k, v in config.items()})
    row = {
        "job_key": uuid.uuid4().hex,
        "verb": verb,
        "config": text,
        "config_hash": keys.digest("config", text),
        "versions": as_json(versions()),
        "started_at": utc_now(),
    }
    with store.write() as con:
        store.insert(con, "job", [row])


def versions() -> dict[str, str]:
    """Python, this machine's platform, the git state of the working directory, and the libraries that matter."""
    found = {"python": sys.version.split()[0], "platform": platform.platform(), "git": _git()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git() -> str:
    """`describe` of this package's checkout; empty where it is installed without one."""
    home = Path(__file__).parent.parent
    if not (home / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
