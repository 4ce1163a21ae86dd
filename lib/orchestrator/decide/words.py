"""A task as words, and the phrases found among them.

Whole words and their inflections count, never parts of words: "prefix" is not "fix" (the seeds'
substring match is deliberately not used). Paths and identifiers stay one word and so match nothing;
words inside quotes and code name things and are marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

_TOKEN = re.compile(r"[^\s\"`()\[\]{}<>,;!?|*“”]+")
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|(?<!\w)'[^'\n]{1,120}'(?!\w)",
    re.DOTALL,
)
_SENTENCE_ENDS = frozenset(".;:!?\n")
_CLAUSE_ENDS = _SENTENCE_ENDS | frozenset(",()")
_SUFFIXES = ("ation", "ion", "ing", "ed", "ies", "es", "s", "d", "'s")
_EDGES = ".:'\u2019-"
_LAST = frozenset("ngds")

Lexicon = dict[str, list[tuple[tuple[str, ...], Any]]]


class Word(NamedTuple):
    """One word in lower case with its offsets in the task and its place in the text."""

    text: str
    start: int
    end: int
    quoted: bool
    clause: int
    sentence: int
    forms: list[str]  # what it may be an inflection of


class Found(NamedTuple):
    """A phrase found: positions `first` to `last` in the words, and what it stands for."""

    first: int
    last: int
    payload: Any


def words_of(task: str) -> list[Word]:
    """Split a task into words; a hyphenated word is there whole and in its parts."""
    quoted = [match.span() for match in _QUOTED.finditer(task)]
    words: list[Word] = []
    clause = sentence = span = last = 0
    for match in _TOKEN.finditer(task):
        start, end = match.span()
        raw = match.group()
        gap = task[last:start]
        if gap != " " and not _CLAUSE_ENDS.isdisjoint(gap):
            clause += 1
            if not _SENTENCE_ENDS.isdisjoint(gap):
                sentence += 1
        text = raw.rstrip(_EDGES)
        last = start + len(text)
        while span < len(quoted) and quoted[span][1] <= start:
            span += 1
        inside = span < len(quoted) and quoted[span][0] <= start
        text = text.lower().replace("\u2019", "'").lstrip("'")
        if not text:
            continue
        parts = [text]
        if "-" in text and text.replace("-", "").isalpha() and text[0] != "-":
            parts += [part for part in text.split("-") if part]
        words += [Word(p, start, end, inside, clause, sentence, bases(p)) for p in parts]
    return words


def bases(word: str) -> list[str]:
    """List what a word may be an inflection of, itself first: `implementing` -> `implement`, ..."""
    forms = [word]
    if word[-1] not in _LAST:
        return forms
    for suffix in _SUFFIXES:
        if not word.endswith(suffix) or len(word) - len(suffix) < 3:
            continue
        stem = word[: -len(suffix)]
        forms.append(stem + "y" if suffix == "ies" else stem)
        if suffix in ("ation", "ion", "ing", "ed"):
            forms.append(stem + "e")
            if stem[-1] == stem[-2]:
                forms.append(stem[:-1])
    return forms


def lexicon(entries: Iterable[tuple[str, Any]]) -> Lexicon:
    """Index `(phrase, payload)` pairs by the first word of the phrase."""
    index: Lexicon = {}
    for phrase, payload in entries:
        first, _, rest = phrase.lower().partition(" ")
        index.setdefault(first, []).append((tuple(rest.split()) if rest else (), payload))
    return index


def find(words: list[Word], index: Lexicon) -> list[Found]:
    """List the phrases of `index` among the words, in their order."""
    hits: list[Found] = []
    for position, word in enumerate(words):
        for base in word.forms:
            for rest, payload in index.get(base, ()):
                if not rest:
                    hits.append(Found(position, position, payload))
                elif _continues(words, position + 1, rest):
                    hits.append(Found(position, position + len(rest), payload))
    return hits


def longest(hits: list[Found]) -> list[Found]:
    """Leave out what lies inside a longer phrase: a "test strategy" is no test."""
    wide = [(hit.first, hit.last) for hit in hits if hit.last > hit.first]
    return [
        hit
        for hit in hits
        if not any(
            first <= hit.first and hit.last <= last and last - first > hit.last - hit.first
            for first, last in wide
        )
    ]


def _continues(words: list[Word], position: int, rest: tuple[str, ...]) -> bool:
    if position + len(rest) > len(words):
        return False
    return all(wanted in words[place].forms for place, wanted in enumerate(rest, position))
