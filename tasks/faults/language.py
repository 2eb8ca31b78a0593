"""wrong-language: the rationale is not in the language of its question.

By script first: eight letters and a tenth of all in a script that the question has none of (Greek is mathematics); or
none of the script that the question is written in. Among texts in Latin letters by the commonest words of six
languages: five hits at least, and twice as many as for the question's own. Texts of formulas have no language.
"""

import re

from .reading import Read

RULE = "wrong-language"

_SCRIPTS = {
    "ideographs": re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]"),
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "hangul": re.compile(r"[\uac00-\ud7af]"),
    "Cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "Arabic": re.compile(r"[\u0600-\u06ff]"),
    "Hebrew": re.compile(r"[\u0590-\u05ff]"),
    "Devanagari": re.compile(r"[\u0900-\u097f]"),
    "Thai": re.compile(r"[\u0e00-\u0e7f]"),
}
_LATIN = re.compile(r"[A-Za-z]")
_OTHER = re.compile(r"[\u0400-\u0e7f\u3040-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[a-zA-ZÀ-ÿ]+")
_LONGEST = 2_000  # characters looked at
_MIN_LETTERS, _SHARE, _MIN_WORDS, _MIN_HITS = 8, 0.1, 8, 5

# No single letters, and no word of a language that is an English word too (die, do, per, as).
_WORDS_OF = {
    "English": "the of and is are that this with for have has we it be from which how many each then so to in was",
    "German": "der das und ist nicht ein eine wir mit für sich auf den sind wie viele dann werden nach von zu",
    "French": "les et est une des du dans pour nous que qui elle avec sur sont donc combien chaque il",
    "Spanish": "el los las una del para que con por cada entonces hay cuántos como tiene está",
    "Italian": "il gli una di del che sono quindi ogni quanti poi abbiamo nel della con",
    "Portuguese": "os uma da para que com por são cada então quantos não dos em",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _words in _WORDS_OF.items():
    for _word in _words.split():
        _LANGUAGES.setdefault(_word, []).append(_language)
_ENGLISH = "English"


def fault(read: Read) -> str | None:
    """Which script or language, and instead of which; None where they agree or there is none to tell."""
    text = read.text[:_LONGEST]
    asked = " ".join((read.question.text, *read.question.choices))
    if not asked.isascii() and _OTHER.search(asked):
        return _lacks_script(text, asked) or _has_script(text, asked)
    if not text.isascii() and _OTHER.search(text) and (found := _has_script(text, asked)):
        return found
    return _other_words(text, asked)


def _has_script(text: str, asked: str) -> str | None:
    latin = len(_LATIN.findall(text))
    for name, letter in _SCRIPTS.items():
        n = len(letter.findall(text))
        if n >= _MIN_LETTERS and n >= _SHARE * (n + latin) and not letter.search(asked):
            return f"{n} of {n + latin} letters are {name}"
    return None


def _lacks_script(text: str, asked: str) -> str | None:
    name = max(_SCRIPTS, key=lambda script: len(_SCRIPTS[script].findall(asked)))
    mostly = len(_SCRIPTS[name].findall(asked)) > len(_LATIN.findall(asked)) / 4
    if not mostly or _OTHER.search(text) or len(_WORD.findall(text)) < _MIN_WORDS:
        return None
    return f"Latin letters instead of {name}"


def _other_words(text: str, asked: str) -> str | None:
    hits = _hits(text)
    best = max(hits, key=hits.__getitem__)
    if hits[best] < _MIN_HITS:
        return None
    own = _own(asked)
    if own == best or hits[best] < 2 * hits[own]:
        return None
    return f"{best} instead of {own}"


def _own(asked: str) -> str:
    """The language of the question; English where its words do not tell."""
    hits = _hits(asked)
    best = max(hits, key=hits.__getitem__)
    return best if hits[best] > hits[_ENGLISH] and hits[best] >= 2 else _ENGLISH


def _hits(text: str) -> dict[str, int]:
    hits = dict.fromkeys(_WORDS_OF, 0)
    for word in _WORD.findall(text.lower()):
        for language in _LANGUAGES.get(word, ()):
            hits[language] += 1
    return hits
