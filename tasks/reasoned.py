"""The other rationale of a reply: where a model gave its reasoning trace apart, the trace with its answer after it.

The visible answer of a reasoning model is written for a reader; the trace is what led to it, and a student can be
taught either (DeepSeek-R1, arXiv 2501.12948, section 2.4, fine-tunes small models on trace and answer together). Both
are parsed and judged beside each other, so the choice is made when a corpus is, and costs nothing.
"""

from .realised import PARSER_VERSION

REASONED_VERSION = f"reasoned-{PARSER_VERSION}"


def reasoned(trace: str, visible: str) -> str:
    """The trace, a blank line, the visible answer, without think tags: no student here has such tokens."""
    return f"{trace.strip()}\n\n{visible.strip()}"
