"""An export's folder on the Hugging Face hub: the files its manifest names, in one commit, private by default."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Error, MissingExtra
from .export import CARD, LISTING, MANIFEST

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def ready(repository: str) -> "HfApi":
    """The hub's client with this user's token. Asked for before anything is written.

    MissingExtra: huggingface_hub is not installed. ConfigError: the name is none the hub takes, there is no token, or
    HF_HUB_OFFLINE is set.
    """
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id
    except ImportError as error:
        raise MissingExtra("huggingface_hub", "hub") from error
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ConfigError(f"--push {repository}: {error}. Next: --push USER/NAME") from error
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON"):
        raise ConfigError("--push needs the network, and HF_HUB_OFFLINE is set. Next: unset HF_HUB_OFFLINE")
    token = get_token()
    if not token:
        raise ConfigError(
            "--push needs a Hugging Face token that may write. Next: export HF_TOKEN=..., or hf auth login"
        )
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)


def push(api: "HfApi", folder: Path, repository: str, *, private: bool = True) -> str:
    """Upload the export in `folder` to the data set `repository`, made where there is none. Returns its address.

    ConfigError: it exists and is public, and `private` was meant. Error: no network, or the hub refuses. Whatever
    happens, the files stay in `folder`.
    """
    import httpx
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    names = [*manifest["files"], *(n for n in (LISTING, MANIFEST, CARD) if (folder / n).exists())]
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names]
    again = f"The files are in {folder}. Next: the same command again"
    try:
        made = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        if private and not api.repo_info(made.repo_id, repo_type="dataset").private:
            raise ConfigError(
                f"{made} is public; nothing was uploaded. Next: the same command with --public, or another --push NAME"
            )
        api.create_commit(
            made.repo_id, operations, commit_message=_message(manifest), repo_type="dataset", revision="main"
        )
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        hint = " with a token that may write there (HF_TOKEN)" if status in (401, 403) else ""
        raise Error(f"the hub refused {repository} (HTTP {status}: {_first_line(error)}). {again}{hint}") from error
    except (httpx.HTTPError, HTTPError, OSError, RuntimeError, ValueError) as error:
        raise Error(
            f"{repository} cannot be uploaded to {api.endpoint} ({type(error).__name__}: {_first_line(error)}). {again}"
        ) from error
    return str(made)


def _message(manifest: dict[str, Any]) -> str:
    names = list(manifest["corpora"])
    return f"cotdistill {manifest['version']}: {', '.join(names[:3])}" + (" ..." if len(names) > 3 else "")


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
