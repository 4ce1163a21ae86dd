"""Who waits for whom: what can't be run in any order is found, and named once."""

import graphlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plans.graph import problems

MANY = 10_000
GRAPHS = st.integers(1, 8).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size
    )
)


def named(edges):
    return [(f"k{at}", tuple(f"k{to}" for to in row)) for at, row in enumerate(edges)]


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([], []),
        ([("", ()), ("", ())], []),
        ([("a", ("b",)), ("b", ())], []),
        ([("a", ()), ("", ("a",)), ("a", ())], [(2, 'id "a" is given twice')]),
        ([("a", ("c",)), ("", ("b", "a"))], [
            (0, 'depends on "c", which is not there'), (1, 'depends on "b", which is not there'),
        ]),
        ([("a", ("a",))], [(0, "depends on itself: a -> a")]),
        ([("a", ("a", "a"))], [(0, "depends on itself: a -> a")]),
        ([("a", ("b",)), ("b", ("a",))], [(0, "depends on itself: a -> b -> a")]),
        ([("c", ("a",)), ("b", ("a",)), ("a", ("b",))], [(1, "depends on itself: b -> a -> b")]),
        ([("a", ("b",)), ("b", ("a", "b"))], [
            (0, "depends on itself: a -> b -> a"), (1, "depends on itself: b -> b"),
        ]),
        ([("a", ("b", "c")), ("b", ("a",)), ("c", ("d",)), ("d", ("c",))], [
            (0, "depends on itself: a -> b -> a"), (2, "depends on itself: c -> d -> c"),
        ]),
        ([("a", ()), ("a", ("b",)), ("b", ("a",))], [(1, 'id "a" is given twice')]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_index(nodes, found):
    assert problems(nodes) == found


@given(GRAPHS)
def test_a_circle_is_found_exactly_where_there_is_one(edges):
    nodes = named(edges)
    try:
        graphlib.TopologicalSorter({key: set(on) - {key} for key, on in nodes}).prepare()
        circular = any(key in on for key, on in nodes)
    except graphlib.CycleError:
        circular = True
    assert bool(problems(nodes)) == circular


@given(GRAPHS)
def test_a_circle_that_is_named_is_one(edges):
    nodes = dict(named(edges))
    for index, text in problems(list(nodes.items())):
        path = text.removeprefix("depends on itself: ").split(" -> ")
        assert path[0] == path[-1] == f"k{index}"
        assert all(after in nodes[before] for before, after in pairwise(path))
        assert index == min(int(key[1:]) for key in path)


def test_a_chain_of_ten_thousand_is_no_circle_in_either_direction():
    edges = [[at + 1] for at in range(MANY - 1)] + [[]]
    assert problems(named(edges)) == []
    assert problems(named(edges)[::-1]) == []


def test_a_long_circle_is_told_by_its_ends():
    [(index, text)] = problems(named([[(at + 1) % MANY] for at in range(MANY)]))
    assert index == 0
    assert text.startswith("depends on itself: k0 -> k1 -> ")
    assert "(9992 more)" in text
    assert text.endswith(" -> k9999 -> k0")


def test_of_many_circles_through_the_same_nodes_few_are_told():
    size = 300
    found = problems(named([[to for to in range(size) if to != at] for at in range(size)]))
    assert 1 <= len(found) <= size / 2
