"""Are two LaTeX answers equal? Cheap and exact first; math-verify, in a process of its own, only where that is open.

Order: equal after normalisation ("exact"); both plain numbers ("number", exact rationals); math-verify ("math-verify").
The library can hang or eat memory on short inputs, so it works in a child process with a hard limit per item: on
silence or death the child is killed, the item is "undecided" (None), and the next item starts a new child. A text of
more than MAX_CHARS is compared as text only ("too-long"): no gold answer is as long.
"""

import atexit
import contextlib
import functools
import json
import os
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from . import quantity

LIMIT_S = 5.0
START_LIMIT_S = 60.0
MAX_CHARS = 1000  # no answer is longer; a longer one is compared by its text only

_DROP = re.compile(
    r"\\left(?![a-z])|\\right(?![a-z])|(?<!\\)\\[!,;:> ]"
    r"|\\(?:quad|qquad|displaystyle|limits)\b|~|\\\$|\$|\\?%|\^\{?\\circ\}?"
)
_FRAC = re.compile(r"\\[dtc]frac(?![a-z])")
_SHORT_FRAC = re.compile(r"\\frac\s*(\d|[a-z]|\{[^{}]*\})\s*(\d|[a-z]|\{[^{}]*\})")
_SHORT_SQRT = re.compile(r"\\sqrt\s*(\d|[a-z])")
_SLASH = re.compile(r"^(-?)(\d+)/(\d+)$")
_TEXT = re.compile(r"\\(?:text|mbox|textbf|textit|mathrm|mathbf|textrm|mathit)\s*\{([^{}]*)\}")
_UNIT = re.compile(r"(?<=[\d}])\s*\\(?:text|mbox|textrm|mathrm)\s*\{[^{}]*\}(?:\s*\^\{?\d\}?)?\s*$")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))")
_LEADING_NAME = re.compile(r"^(?:[a-zA-Z]|[a-z]\([a-z]\))\s*(?:=|\\in(?![a-z]))\s*")
_BARE = re.compile(r"[\\$^_{}=]|^[-+(\[]?\s*[\d.(\[]")


def normalised(text: str) -> str:
    """A canonical spelling: no layout, one form of fractions and roots, no thousands separators, no unit at the end."""
    text = _TEXT.sub(r"\1", _UNIT.sub("", text.strip().rstrip(".").strip()))
    text = _FRAC.sub(r"\\frac", _DROP.sub("", text))
    text = _SHORT_SQRT.sub(r"\\sqrt{\1}", text)
    text = _SHORT_FRAC.sub(lambda m: f"\\frac{{{m[1].strip('{}')}}}{{{m[2].strip('{}')}}}", text)
    text = "".join(text.split())
    if re.fullmatch(r"[-+]?\d{1,3}(?:(?:,|\{,\})\d{3})+(?:\.\d+)?", text):
        text = _THOUSANDS.sub("", text)
    text = _SLASH.sub(r"\1\\frac{\2}{\3}", text)
    text = re.sub(r"(?<![\d.])\.(?=\d)", "0.", text)
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text).removesuffix(".")


def number(text: str) -> quantity.Gold | None:
    """The text as one plain number, None where it is anything more."""
    plain = normalised(_LEADING_NAME.sub("", text.strip()))
    found = quantity.find(plain)
    if found is None or found.start != 0 or found.end != len(plain) or not re.search(r"\d", plain):
        return None
    return quantity.gold(plain)


def looks_bare(text: str) -> bool:
    """Whether a text without an announcement reads as a formula or number standing alone, not as a sentence."""
    return bool(_BARE.search(text)) and len(re.findall(r"(?<![\\\w])[a-z]{3,}", text)) <= 1


def equal(answer: str, gold: str) -> tuple[bool | None, str]:
    """Whether the answer equals the gold (None: cannot be told), and what decided: exact, number, math-verify, too-long
    or undecided."""
    left, right = normalised(answer), normalised(gold)
    if left == right or _LEADING_NAME.sub("", left) == _LEADING_NAME.sub("", right):
        return True, "exact"
    if len(answer) > MAX_CHARS or len(gold) > MAX_CHARS:
        return False, "too-long"
    said, wanted = number(answer), number(gold)
    if said is not None and wanted is not None:
        return wanted.accepts(said.value), "number"
    verdict = _verified(gold, answer)
    return verdict, "math-verify" if verdict is not None else "undecided"


@functools.lru_cache(maxsize=65_536)
def _verified(gold: str, answer: str) -> bool | None:
    return _worker.ask(gold, answer)


class Worker:
    """One child process that answers one question at a time; threads take turns, a forked process gets its own.

    `ask` returns None where the library failed, hung beyond `limit_s` or died. Nothing starts before the first `ask`.
    """

    def __init__(self, limit_s: float = LIMIT_S, start_limit_s: float = START_LIMIT_S) -> None:
        self.limit_s = limit_s
        self.start_limit_s = start_limit_s
        self._turn = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._owner = 0
        os.register_at_fork(after_in_child=self._forget) if hasattr(os, "register_at_fork") else None

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def ask(self, gold: str, answer: str) -> bool | None:
        """Whether math-verify calls the two equal; None: undecided."""
        with self._turn:
            if self.pid is None and not self._start():
                return None
            reply = self._exchange({"gold": gold, "answer": answer}, self.limit_s)
        return None if reply is None or "equal" not in reply else bool(reply["equal"])

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._kill()

    def _start(self) -> bool:
        self._kill()
        script = Path(__file__).with_name("latex_worker.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        child = subprocess.Popen(
            [sys.executable, "-P", str(script), str(self.limit_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self._child, self._lines = child, queue.SimpleQueue()
        threading.Thread(target=_pump, args=(child.stdout, self._lines), daemon=True).start()
        return self._exchange(None, self.start_limit_s) is not None

    def _exchange(self, item: dict[str, str] | None, limit_s: float) -> dict[str, Any] | None:
        child = self._child
        assert child is not None and child.stdin is not None
        try:
            if item is not None:
                child.stdin.write(json.dumps(item) + "\n")
                child.stdin.flush()
            line = self._lines.get(timeout=limit_s)
            if line is not None:
                reply: dict[str, Any] = json.loads(line)
                return reply
        except (queue.Empty, OSError, ValueError):
            pass
        self._kill()
        return None

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            if child.stdin is not None:
                with contextlib.suppress(OSError):  # the pipe may have broken with the child
                    child.stdin.close()
            child.wait()

    def _forget(self) -> None:
        self._turn = threading.Lock()
        self._child = None


def _pump(stream: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


_worker = Worker()
atexit.register(_worker.close)
