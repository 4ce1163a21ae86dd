"""Which provider a task suits, scored by its words (seed 002, section 2).

Strong words add, weak words subtract, lengths adjust. Beyond the seed: inflections count, negated
and quoted words do not, and where the task gives an order ("Explain the fix"), words of other
providers that only name its subject count `topic` points: the order says what is wanted.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.decide.complexity import complexity_of, tier_of
from orchestrator.decide.words import Found, Lexicon, Word, find, lexicon, longest, words_of
from orchestrator.records import Classification, Config, Json, Match

NEGATION_REACH = 4


class Entry(NamedTuple):
    """One keyword of the configuration."""

    provider: str
    keyword: str
    task_type: str
    points: int
    strong: bool


class Vocabulary(NamedTuple):
    """The keywords of the configuration, indexed once."""

    entries: Lexicon
    grammar: dict[str, frozenset[str]]
    complexity: Lexicon


def vocabulary(keywords: Json) -> Vocabulary:
    """Index `config/keywords.json`."""
    points = keywords["points"]
    pairs: list[tuple[str, Entry]] = []
    for provider, rows in keywords["strong"].items():
        for row in rows:
            worth = row.get("points", points["strong"])
            entry = Entry(provider, row["word"], row["task_type"], worth, strong=True)
            pairs += [(phrase, entry) for phrase in (row["word"], *row.get("also", ()))]
    for provider, phrases in keywords["weak"].items():
        pairs += [(p, Entry(provider, p, "", points["weak"], strong=False)) for p in phrases]
    levels = [(word, row["points"]) for row in keywords["complexity"] for word in row["words"]]
    grammar = {name: frozenset(listed) for name, listed in keywords["grammar"].items()}
    return Vocabulary(lexicon(pairs), grammar, lexicon(levels))


def classify(
    task: str,
    config: Config,
    terms: Vocabulary,
    complexity: float | None = None,
    words: list[Word] | None = None,
) -> Classification:
    """Score every provider for `task`; ties keep the order of `provider_order`.

    `complexity` (0-10) overrides the one the words suggest; `words` saves splitting them again.
    Shown scores are `clamp(score_offset + raw, 0, 100)`; raw scores rank.
    """
    settings, keywords = config.settings, config.keywords
    if words is None:
        words = words_of(task[: settings["classify_bytes"]])
    matched = _matches(words, keywords["points"], terms)
    raw = dict.fromkeys(config.providers, 0)
    for match in matched:
        if match.provider in raw:
            raw[match.provider] += match.points
    sizes = {
        "words": len(task.split()),
        "characters": len(task),
        "questions": task.count("?"),
        "paths": sum(1 for word in words if "/" in word.text or "_" in word.text),
    }
    for rule in keywords["length_rules"]:
        size = sizes[rule["metric"]]
        if size > rule["above"] if "above" in rule else size < rule["below"]:
            for provider, points in rule["add"].items():
                if provider in raw:
                    raw[provider] += points
    ranked = sorted(raw, key=lambda name: (-raw[name], order_of(name, settings)))
    level = complexity_of(task, words, terms.complexity) if complexity is None else complexity
    offset, tier = keywords["score_offset"], tier_of(level, settings["tiers"])
    return Classification(
        primary=ranked[0],
        scores={name: max(0, min(100, offset + points)) for name, points in raw.items()},
        raw_scores=raw,
        fallback_chain=tuple(ranked[1:]),
        task_type=_task_type(ranked[0], matched, keywords),
        complexity=level,
        tier=tier,
        paid_tier=tier,
        matched=tuple(matched),
        clear=any(match.kind in ("strong", "topic") for match in matched),
    )


def order_of(provider: str, settings: Json) -> int:
    """Place a provider in the configured order; those not listed come last."""
    order = settings["provider_order"]
    return order.index(provider) if provider in order else len(order)


def _matches(words: list[Word], points: Json, terms: Vocabulary) -> list[Match]:
    """List the keywords found, each keyword once, at its strongest place."""
    hits = longest(find(words, terms.entries))
    unquoted = [hit for hit in hits if not words[hit.first].quoted]
    if any(hit.payload.strong for hit in unquoted):
        hits = unquoted
    orders = [hit for hit in hits if hit.payload.strong and _is_order(hit, words, terms.grammar)]
    ordering = {hit.payload.provider for hit in orders}
    ordered_places = {hit.first for hit in orders}
    best: dict[tuple[str, str], Match] = {}
    for hit in hits:
        entry: Entry = hit.payload
        kind, worth = "strong" if entry.strong else "weak", entry.points
        if _is_negated(hit, words, terms.grammar):
            kind, worth = "negated", 0
        elif (
            entry.strong
            and orders
            and not (hit.first in ordered_places or entry.provider in ordering)
        ):
            kind, worth = "topic", min(worth, points["topic"])
        first, last = words[hit.first], words[hit.last]
        text = " ".join(word.text for word in words[hit.first : hit.last + 1])
        match = Match(text, entry.keyword, entry.provider, kind, worth, first.start, last.end)
        key = (entry.provider, entry.keyword)
        if key not in best or abs(worth) > abs(best[key].points):
            best[key] = match
    return sorted(best.values(), key=lambda match: match.start)


def _is_order(hit: Found, words: list[Word], grammar: dict[str, frozenset[str]]) -> bool:
    """Tell whether the word begins what is asked: only openers stand before it in its clause.

    In "explain the fix and the design" the design is no second order: its article says so.
    """
    sentence, clause = words[hit.first].sentence, words[hit.first].clause
    position, noun = hit.first - 1, False
    while position >= 0 and words[position].sentence == sentence:
        text = words[position].text
        if words[position].clause != clause:
            return True
        if text in grammar["joiners"]:
            return not noun
        if not any(text in grammar[part] for part in ("openers", "light_verbs", "articles")):
            return False
        noun = text in grammar["articles"] or (noun and text not in grammar["light_verbs"])
        position -= 1
    return True


def _is_negated(hit: Found, words: list[Word], grammar: dict[str, frozenset[str]]) -> bool:
    """Tell whether a negation reaches the word: "do not refactor", "without changing the design".

    "I don't understand" is no negated order, nor is "not only".
    """
    clause = words[hit.first].clause
    for position in range(hit.first - 1, max(-1, hit.first - 1 - NEGATION_REACH), -1):
        word = words[position]
        if word.clause != clause:
            return False
        before = words[position - 1].text if position else ""
        if word.text in grammar["negations"] or f"{before} {word.text}" in grammar["negations"]:
            after = words[position + 1].text
            return before not in ("i", "we", "do i", "why") and after != "only"
    return False


def _task_type(primary: str, matched: list[Match], keywords: Json) -> str:
    """Take the task type of the primary provider's best word, the earliest of equals."""
    counted = [m for m in matched if m.provider == primary and m.points > 0]
    if not counted:
        return str(keywords["default_task_type"].get(primary, "code_generation"))
    best = max(counted, key=lambda match: match.points)
    for row in keywords["strong"][primary]:
        if row["word"] == best.keyword:
            return str(row["task_type"])
    return str(keywords["default_task_type"].get(primary, "code_generation"))
