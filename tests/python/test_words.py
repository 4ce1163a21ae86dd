"""A task as words: what is one word, what it may be an inflection of, which phrases it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.words import bases, find, lexicon, longest, words_of


def texts(task):
    return [word.text for word in words_of(task)]


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("fix", "fix"),
        ("fixes", "fix"),
        ("fixed", "fix"),
        ("fixing", "fix"),
        ("implements", "implement"),
        ("implementing", "implement"),
        ("implementation", "implement"),
        ("analyzes", "analyze"),
        ("analyzing", "analyze"),
        ("generation", "generate"),
        ("debugging", "debug"),
        ("planned", "plan"),
        ("strategies", "strategy"),
        ("design's", "design"),
    ],
)
def test_an_inflection_counts_as_its_word(word, base):
    assert base in bases(word)


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("prefix", "fix"),
        ("fixture", "fix"),
        ("suffix", "fix"),
        ("build", "ui"),
        ("planet", "plan"),
        ("contest", "test"),
        ("latest", "test"),
        ("its", "it"),  # what is left of a short word would be anything
        ("bed", "b"),
        ("documentary", "document"),
    ],
)
def test_a_word_inside_another_does_not_count(word, other):
    assert other not in bases(word)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Fix the bug.", ["fix", "the", "bug"]),
        ("read-only mode", ["read-only", "read", "only", "mode"]),
        ("edit src/fix_it.py", ["edit", "src/fix_it.py"]),
        ("call do_fix()", ["call", "do_fix"]),
        ("don\u2019t fix", ["don't", "fix"]),
        ("(fix)", ["fix"]),
        ("fix\nexplain", ["fix", "explain"]),
        ("--fix", ["--fix"]),
        ("ÄNDERN", ["ändern"]),
        ("   ", []),
        ("…!?", ["…"]),
    ],
)
def test_a_task_is_split_into_words(task, expected):
    assert texts(task) == expected


@pytest.mark.parametrize(
    ("task", "quoted"),
    [
        ('say "fix it" please', ["fix", "it"]),
        ("rename `fix` now", ["fix"]),
        ("see ```fix\nthis``` and go", ["fix", "this"]),
        ("see ```fix\nthis", ["fix", "this"]),  # a fence without an end quotes all the rest
        ("the 'fix' button", ["fix"]),
        ("“fix” it", ["fix"]),
        ("don't fix what isn't broken", []),  # apostrophes quote nothing
        ('a lone " quotes nothing, fix', []),
    ],
)
def test_quotes_and_code_mark_the_words_inside(task, quoted):
    assert [word.text for word in words_of(task) if word.quoted] == quoted


@pytest.mark.parametrize(
    ("task", "clauses", "sentences"),
    [
        ("fix this and that", 1, 1),
        ("fix this, explain that", 2, 1),
        ("fix this (the loader) now", 3, 1),
        ("fix this. Explain that", 2, 2),
        ("fix v1.2 now", 1, 1),  # a dot inside a word ends nothing
        ("fix this\nexplain that", 2, 2),
        ("why: fix", 2, 2),
    ],
)
def test_marks_end_clauses_and_sentences(task, clauses, sentences):
    words = words_of(task)
    assert len({word.clause for word in words}) == clauses
    assert len({word.sentence for word in words}) == sentences


@given(st.text(max_size=200))
def test_each_word_is_where_its_offsets_say(task):
    for word in words_of(task):
        assert 0 <= word.start < word.end <= len(task)
        assert word.text
        there = task[word.start : word.end].lower().replace("\u2019", "'")
        assert word.text in there


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("clean up the loader", ["clean up"]),
        ("cleaning up the loader", ["clean up"]),
        ("clean the loader up", []),
        ("a test strategy", ["test", "test strategy", "strategy"]),
        ("test", ["test"]),
        ("ends with clean", []),
    ],
)
def test_phrases_are_found_whole_and_in_their_order(task, expected):
    index = lexicon(
        (phrase, phrase) for phrase in ("clean up", "test", "test strategy", "strategy")
    )
    assert [hit.payload for hit in find(words_of(task), index)] == expected


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("a test strategy", ["test strategy"]),
        ("test the strategy", ["test", "strategy"]),
        ("test strategy, then test", ["test strategy", "test"]),
    ],
)
def test_what_lies_inside_a_longer_phrase_is_left_out(task, expected):
    index = lexicon((phrase, phrase) for phrase in ("test", "test strategy", "strategy"))
    assert [hit.payload for hit in longest(find(words_of(task), index))] == expected
