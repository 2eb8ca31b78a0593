"""Splits a reply's `<think>` blocks from its visible answer, for servers that send both in one text."""

import re
from typing import Literal, NamedTuple

TAG = re.compile(r"<(/?)think(?:ing)?\s*>", re.IGNORECASE)


class Piece(NamedTuple):
    """A stretch of the reply. The texts of all pieces, joined, are the reply."""

    kind: Literal["visible", "thought", "tag"]
    text: str


def pieces(text: str) -> list[Piece]:
    """The reply cut at its think tags.

    A block may be anywhere and runs to the first closing tag. One that is never closed runs to the end (the reply was
    truncated), if nothing visible stands before it or a block was closed before it. A closing tag that comes first ends
    a block that the chat template opened in the prompt. Any other single tag is visible text.
    """
    found: list[Piece] = []
    at = 0  # everything before it is in `found`
    thinking = False

    def add(kind: Literal["visible", "thought", "tag"], end: int) -> None:
        nonlocal at
        if end > at:
            found.append(Piece(kind, text[at:end]))
            at = end

    tags = list(TAG.finditer(text))
    last_closing = max((tag.start() for tag in tags if tag[1]), default=-1)
    for i, tag in enumerate(tags):
        if tag[1]:
            if not thinking and i > 0:
                continue
            add("thought", tag.start())
            thinking = False
        else:
            closed_before = any(piece.kind == "tag" for piece in found)
            is_block = tag.start() < last_closing or closed_before or not text[: tag.start()].strip()
            if thinking or not is_block:
                continue
            add("visible", tag.start())
            thinking = True
        add("tag", tag.end())
    add("visible" if not thinking else "thought", len(text))
    return found


def split_reasoning(text: str) -> tuple[str, str | None]:
    """(visible answer, reasoning). Without a think tag the text is untouched and the reasoning None."""
    cut = pieces(text)
    if not any(piece.kind == "tag" for piece in cut):
        return text, None
    thoughts = (piece.text.strip() for piece in cut if piece.kind == "thought")
    visible = "".join(piece.text for piece in cut if piece.kind == "visible")
    return visible.strip(), "\n\n".join(t for t in thoughts if t) or None


def join_reasoning(*parts: str | None) -> str | None:
    """Traces that came in several places, in order; None when there is none."""
    return "\n\n".join(part for part in parts if part and part.strip()) or None
