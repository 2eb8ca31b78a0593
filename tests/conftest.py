"""What every test lives under: no API keys, no network but loopback, quiet third parties."""

import os
import socket
from pathlib import Path

import pytest

_SETTINGS = ("OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "COTDISTILL_STORE", "COTDISTILL_PROMPTS", "COTDISTILL_AS")
for name in [n for n in os.environ if n.endswith(("_API_KEY", "_TOKEN")) or n in _SETTINGS]:
    os.environ.pop(name)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("COTDISTILL_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that is not to this machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])  # type: ignore[index]
            if host not in ("127.0.0.1", "::1", "localhost"):
                raise OSError(f"tests may not connect to {host}")
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def data() -> Path:
    """The real benchmarks and released rationales; tests that need them skip where they are absent."""
    if not (DATA / "benchmarks").is_dir():
        pytest.skip(f"no real data at {DATA} (set COTDISTILL_DATA)")
    return DATA


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "store.duckdb"
