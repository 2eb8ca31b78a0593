"""Files of the Hugging Face hub, at a fixed revision, kept in a cache folder.

Environment: HF_ENDPOINT (default https://huggingface.co), HF_TOKEN (sent to that host only), HF_HUB_OFFLINE=1 (use the
cache alone), COTDISTILL_CACHE (default ~/.cache/cotdistill).
"""

import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from ...errors import ConfigError

TIMEOUT_S = 60.0


def cache_dir() -> Path:
    """Where fetched files are kept."""
    return Path(os.environ.get("COTDISTILL_CACHE") or Path.home() / ".cache" / "cotdistill")


def fetch(repository: str, revision: str, file: str) -> Path:
    """The file's local path, fetched when it is not in the cache. A half-fetched file is never left there.

    ConfigError: no connection, an HTTP error, or HF_HUB_OFFLINE is set and the file is not cached.
    """
    import httpx

    target = cache_dir() / "datasets" / repository / revision / file
    if target.exists():
        return target
    endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    url = f"{endpoint}/datasets/{quote(repository)}/resolve/{quote(revision, safe='')}/{quote(file)}"
    local = "Next: load your own copy with --source DIR"
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON"):
        raise ConfigError(f"{url} is not in {cache_dir()} and HF_HUB_OFFLINE is set. {local}")
    token = os.environ.get("HF_TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with (
            os.fdopen(handle, "wb") as out,
            httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT_S) as response,
        ):
            response.raise_for_status()
            for block in response.iter_bytes():
                out.write(block)
        Path(part).replace(target)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        hint = "Next: set HF_TOKEN to a token that may read it" if status in (401, 403) else local
        raise ConfigError(f"{url}: HTTP {status}. {hint}") from error
    except httpx.HTTPError as error:
        raise ConfigError(
            f"{url} cannot be fetched ({type(error).__name__}: {error}). {local}, or try again"
        ) from error
    finally:
        Path(part).unlink(missing_ok=True)
    return target
