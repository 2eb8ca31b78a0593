"""template-residue: pieces of a prompt, of a chat template or of markup that no reader was to see.

Tags that are no mathematics ("<Solution Path>", "<answer>", "<br>"), role markers ("<|im_start|>", "### Response:",
"Assistant:"), unfilled placeholders ("{question}", "[insert number here]", "[current date]"), and a chat opening
("Sure! Here is ..."). Formulas ("a < b > c"), \\LaTeX and Markdown are left alone.
"""

import re

from .reading import Read

RULE = "template-residue"

_TAG = re.compile(r"</?\s*[A-Za-z][A-Za-z0-9 _-]{0,30}\s*/?>")
_ROLE = re.compile(
    r"<\|[^|<>\n]{1,30}\|>|\[/?INST\]|<</?SYS>>|</?s>|^\s*#{2,}\s*(?:Instruction|Response|Input|Output|System|User|Assistant)\s*:?\s*$"
    r"|^\s*(?:Assistant|User|Human|System|Teacher|Student)\s*:(?=\s)",
    re.MULTILINE,
)
_ROLE_HINT = re.compile(r"<\||INST\]|SYS>|s>|##|(?:ant|er|an|em|ent):")
_PLACEHOLDER = re.compile(
    r"(?<![\\{_^a-zA-Z])\{(?:question|answer|rationale|reasoning|solution|choices|options|input|output|gold|level|format)\}"
    r"|\[(?:insert|your|enter|add|fill|current|final|the)\b[^\]\n]{0,40}\]|\b(?:lorem ipsum|TODO|FIXME)\b"
    r"|\[(?:answer|number|result|name|date|solution|X|ANSWER|NAME|NUMBER)\](?!\()",
)
_OPENING = re.compile(
    r"\W*(?:sure|certainly|of course|absolutely|okay|great question)[!,.]\s+(?:here|let|I)\b", re.IGNORECASE
)
_MODEL = re.compile(r"\b[Aa]s an AI (?:language )?model\b")
_NAMES_NUMBER = re.compile(r"<\s*[a-zA-Z]\s*>$")  # a < b > c without its spaces


def fault(read: Read) -> str | None:
    """The pieces found, the first three; None where there are none."""
    text = read.text
    found: list[str] = []
    if "<" in text and ">" in text:
        found += [tag for tag in _TAG.findall(text) if _is_tag(tag, read)]
    if _ROLE_HINT.search(text):
        found += [m.group().strip() for m in _ROLE.finditer(text)]
    if "[" in text or "{" in text or "TODO" in text or "FIXME" in text:
        found += [m.group() for m in _PLACEHOLDER.finditer(text) if m.group() not in read.question.text]
    if chat := _OPENING.match(text) or ("an AI" in text and _MODEL.search(text)):
        found.append(chat.group().strip())
    if not found:
        return None
    shown = list(dict.fromkeys(found))
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def _is_tag(tag: str, read: Read) -> bool:
    if tag in read.question.text or any(tag in choice for choice in read.question.choices):
        return False
    return not _NAMES_NUMBER.fullmatch(tag) or read.question.kind == "choice"
