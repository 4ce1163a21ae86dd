"""Who waits for whom: keys given twice, keys that are not there, and circles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.config.options import shown

MOST_NAMED = 10  # of the nodes of a circle

Nodes = Sequence[tuple[str, tuple[str, ...]]]


def problems(nodes: Nodes) -> list[tuple[int, str]]:
    """List what keeps nodes from being run in any order, each with the index of its node.

    A node is its key, "" where it has none, and the keys it depends on. Of two with the same key
    the first is meant.
    """
    places: dict[str, int] = {}
    found: list[tuple[int, str]] = []
    for index, (key, _) in enumerate(nodes):
        if key and places.setdefault(key, index) != index:
            found.append((index, f"id {shown(key)} is given twice"))
    found += [
        (index, f"depends on {shown(wanted)}, which is not there")
        for index, (_, depends_on) in enumerate(nodes)
        for wanted in depends_on
        if wanted not in places
    ]
    edges = [
        [places[key] for key in dict.fromkeys(depends_on) if key in places]
        for _, depends_on in nodes
    ]
    for circle in _circles(edges):
        found.append((circle[0], f"depends on itself: {_path([nodes[at][0] for at in circle])}"))
    return sorted(found)


def _circles(edges: list[list[int]]) -> Iterator[list[int]]:
    """Yield circles, each once, from its first node on; of those that share nodes at least one."""
    done: set[int] = set()
    told: set[int] = set()
    for start in range(len(edges)):
        path = [] if start in done else [start]
        depth = dict.fromkeys(path, 0)
        left = [iter(edges[at]) for at in path]
        while path:
            to = next(left[-1], None)
            if to is None:
                done.add(path[-1])
                del depth[path.pop()], left[-1]
            elif to in depth:
                if to == path[-1]:
                    yield [to]
                elif told.isdisjoint((to, path[-1])):
                    circle = path[depth[to] :]
                    told.update(circle)
                    first = circle.index(min(circle))
                    yield circle[first:] + circle[:first]
            elif to not in done:
                depth[to] = len(path)
                path.append(to)
                left.append(iter(edges[to]))


def _path(keys: list[str]) -> str:
    """Write `a -> b -> a`, and of a long way its ends."""
    whole = [*keys, keys[0]]
    if len(whole) > MOST_NAMED:
        left = len(whole) - MOST_NAMED + 1
        whole[MOST_NAMED // 2 : MOST_NAMED // 2 + left] = [f"({left} more)"]
    return " -> ".join(whole)
