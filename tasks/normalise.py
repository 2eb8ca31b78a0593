"""Text normalisation for identity: case, punctuation and white space do not make another question."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^\w+\-*/=<>^%.]+|(?<!\d)\.|\.(?!\d)|_")

# Cyrillic letters that look Latin: GSM8K's own files have one ("А Senior Center") where copies of them have an A.
_LOOKALIKES = str.maketrans("аеорсухіјѕ", "aeopcyxijs")


def normalise(text: str) -> str:
    """Case-folded NFKC words joined by single spaces. Operators and decimal points stay: 3-2 is not 3+2, 1.5 not 15."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
    return " ".join(_NOT_WORD.sub(" ", folded).split())
