"""Making a plan of nodes: all of them checked and decided before anything runs.

The nodes go through a file, one at a time: what is held of each is its place and its name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from orchestrator import clock
from orchestrator.commands import screen
from orchestrator.commands.session import Session
from orchestrator.config import locations
from orchestrator.decide import batching
from orchestrator.errors import (
    ConfigError,
    CredentialsError,
    OrchestratorError,
    StorageError,
    UsageError,
)
from orchestrator.plans import graph
from orchestrator.providers import attachments
from orchestrator.records import MICRO, Decision, Node, Snapshot
from orchestrator.state import logfile
from orchestrator.state.batches import Folder, Spool
from orchestrator.state.deferred import options_of
from orchestrator.state.redaction import redact
from orchestrator.work.plan import node_of, wishes_of
from orchestrator.work.worktree import Repository

MOST_TOLD = 20  # problems that are named
MOST_LISTED = 40  # nodes that are kept to be shown
SHOWN_EACH = 100
PACKED_BYTES = 2048  # a larger task has a call of its own


class Share(NamedTuple):
    """What goes to one provider; money in micro-USD."""

    tasks: int = 0
    tokens: int = 0
    seconds: float = 0.0
    billed: int = 0
    on_plan: int = 0
    unpriced: int = 0

    def plus(self, other: Share) -> Share:
        """Add two shares."""
        sums: list[Any] = [a + b for a, b in zip(self, other, strict=True)]
        return Share(*sums)


class Listed(NamedTuple):
    """A node as a person is shown it."""

    name: str
    title: str
    provider: str
    model: str
    agent: str
    needs: tuple[str, ...]


class Made(NamedTuple):
    """A plan as a person is shown it."""

    shares: dict[str, Share]
    nodes: int
    longest_s: float  # of any chain
    trees: tuple[str, ...]  # repositories that are edited in worktrees
    in_place: tuple[tuple[str, str], ...]  # and those in place, with the reason
    dirty: tuple[str, ...]  # of the former, those with uncommitted work
    world: Snapshot
    listed: tuple[Listed, ...]  # the first of its nodes


class InputError(ConfigError):
    """A queue, PRD or plan can't be used; every problem is told on a line of its own."""

    exit_code = 2


def refuse(problems: Sequence[tuple[str, str]], what: str) -> None:
    """Raise InputError with every problem, each with its place, where there are any."""
    if not problems:
        return
    told = [f"{where}: {text}" if where else text for where, text in problems[:MOST_TOLD]]
    left = len(problems) - len(told)
    more = [f"and {left} more problems"] if left > 0 else []
    raise InputError([*told, *more, f"nothing was run; mend {what} and start again"])


class Planner:
    """Takes nodes in, then makes their plan."""

    def __init__(
        self, session: Session, folder: Folder, *, quiet: bool, pack: bool = False
    ) -> None:
        """Begin with none."""
        self.session, self.folder, self.quiet, self.pack = session, folder, quiet, pack
        self.problems: list[tuple[str, str]] = []  # where, what
        self._whole = True  # all nodes were taken in
        self._unready: list[tuple[str, str]] = []  # what could not run as things are now
        self._tasks = Spool(folder.tasks)
        self._keys: list[tuple[str, tuple[str, ...]]] = []
        self._where: list[str] = []
        self._at: list[int] = []
        self._repositories: dict[str, Repository] = {}
        self._dirty: list[str] = []
        self._listed: list[Listed] = []

    def add(self, where: str, node: Node) -> None:
        """Take a node in, with paths that mean the same from anywhere; raises StorageError."""
        try:
            repository = locations.repository(node.repository, self.session.at.workspace)
            options = attachments.absolute(wishes_of(node)) if node.options else None
        except UsageError as error:
            self.problems.append((where, str(error)))
            repository, options = node.repository, None
        title = redact(node.title, self.session.secrets)
        node = node._replace(repository=repository, title=title)
        if options is not None:
            node = node._replace(options=options_of(options))
        self._keys.append((node.key, node.depends_on))
        self._where.append(where)
        self._at.append(self._tasks.add(node._asdict()))

    def complain(self, where: str, *texts: str) -> None:
        """Note what keeps a node from being taken in."""
        self.problems += [(where, text) for text in texts]
        self._whole = self._whole and not texts

    def made(self, what: str) -> Made:
        """Check and decide all of them, and write the plan; raises InputError with every problem.

        Raises CredentialsError when nothing could run.
        """
        self._tasks.flush(fsync=True)
        if self._whole:  # what depends on a row that can't be read is not wrong for that
            tangled = graph.problems(self._keys)
            self.problems += [(self._where[place], text) for place, text in tangled]
        places = {key: place for place, (key, _) in enumerate(self._keys) if key}
        needed = {need for _, needs in self._keys for need in needs}
        ordinals: dict[str, int] = {}
        now_ms, shares = clock.now_ms(), dict[str, Share]()
        world, plan = self.session.world(now_ms), Spool(self.folder.plan)
        seconds: list[float] = []
        live = screen.Live(quiet=self.quiet)
        for place, node in enumerate(self._nodes()):
            if not place % SHOWN_EACH:
                live.status(f"planning: {place:,} of {len(self._keys):,} tasks")
            decided = self._decided(place, node, world, now_ms)
            if decided is None:
                continue
            found, repository = decided
            identity = _identity(node, repository)
            ordinals[identity] = ordinals.get(identity, 0) + 1
            share = _share(found)
            name = found.chosen.provider
            shares[name] = shares.get(name, Share()).plus(share)
            seconds.append(share.seconds)
            self._list(node, f"#{place + 1}", found)
            row = {
                "node": f"{identity}-{ordinals[identity]}",
                "key": node.key,
                "title": node.title,
                "at": self._at[place],
                "cost_micro_usd": share.billed,
                "pack": self._pack_of(node, repository, found, alone=node.key in needed),
                "needs": [places[need] for need in node.depends_on if need in places],
                "provider": name,
                "seconds": share.seconds,
                "priority": node.priority,
                "alone": self._alone(node, repository),
            }
            plan.add(row)
        live.done()
        if self._unready and len(self._unready) == len(self._keys):
            raise CredentialsError(f"nothing can run yet ({self._unready[0][1]}); make doctor")
        refuse([*self.problems, *self._unready], what)
        plan.flush(fsync=True)
        return self._shown(shares, seconds, places, world)

    def _shown(
        self,
        shares: dict[str, Share],
        seconds: Sequence[float],
        places: dict[str, int],
        world: Snapshot,
    ) -> Made:
        needs = [[places[need] for need in needs] for _, needs in self._keys]
        repositories = self._repositories.items()
        return Made(
            shares=shares,
            nodes=len(self._keys),
            longest_s=_longest(needs, seconds),
            trees=tuple(name for name, each in repositories if each.top),
            in_place=tuple((name, each.why) for name, each in repositories if not each.top),
            dirty=tuple(self._dirty),
            world=world,
            listed=tuple(self._listed),
        )

    def _list(self, node: Node, number: str, found: Decision) -> None:
        if len(self._listed) < MOST_LISTED:
            model = found.chosen.model.name if found.chosen.model else ""
            row = Listed(
                node.key or number,
                node.title,
                found.chosen.provider,
                model,
                found.agent.name,
                node.depends_on,
            )
            self._listed.append(row)

    def _nodes(self) -> Iterator[Node]:
        return map(node_of, logfile.complete_lines(self.folder.tasks))

    def _decided(
        self, place: int, node: Node, world: Snapshot, now_ms: int
    ) -> tuple[Decision, str] | None:
        """Decide a node as if it ran now; what is in the way is a problem of its place."""
        session, wishes, repository = self.session, wishes_of(node), node.repository
        if not os.path.isabs(repository):
            return None  # complained of already
        try:
            if wishes.image or wishes.mcp_config:
                attachments.read(wishes, session.config.settings, session.environment)
            more = len(node.context.encode("utf-8", "surrogatepass"))
            found = session.decide(node.task, wishes, now_ms, repository, world, more)
        except StorageError:
            raise
        except OrchestratorError as error:
            self.problems.append((self._where[place], str(error)))
            return None
        if not (found.ready or found.no_room):
            why = found.chosen.blocks[0].reason if found.chosen.blocks else "nothing is ready"
            self._unready.append((self._where[place], f"{found.chosen.provider}: {why}"))
        return found, repository

    def _alone(self, node: Node, repository: str) -> str:
        """Name what an edit has to itself: a folder without worktrees."""
        if not node.options.get("edit"):
            return ""
        known = self._repositories.get(repository)
        if known is None:
            at, environment = self.session.at, self.session.environment
            known = Repository(repository, at.state, environment, at.workspace)
            self._repositories[repository] = known
            if known.top and known.dirty():
                self._dirty.append(repository)
        return "" if known.top else repository

    def _pack_of(self, node: Node, repository: str, found: Decision, *, alone: bool) -> str:
        """Name the nodes that one may share a call with: small ones that only read."""
        other = node.options.keys() & {"edit", "verify", "image", "mcp_config", "max_cost_usd"}
        small = len(node.task.encode("utf-8", "surrogatepass")) <= PACKED_BYTES
        if not (self.pack and small) or other or alone or node.depends_on or node.informed:
            return ""
        chosen = found.chosen
        model = chosen.model.name if chosen.model else ""
        facts = [repository, node.options, chosen.provider, model, node.priority, node.story]
        return _digest(json.dumps(facts, sort_keys=True))


def _share(found: Decision) -> Share:
    """Tell what a node is expected to take."""
    estimate = found.chosen.estimate
    if estimate is None:
        return Share(tasks=1)
    usd = estimate.cost_usd
    money = 0 if usd is None else round(usd * MICRO)
    paid = bool(found.chain) and found.chain[0].transport.billing == "metered"
    return Share(
        tasks=1,
        tokens=estimate.input_tokens + estimate.output_tokens,
        seconds=estimate.seconds,
        billed=money if paid else 0,
        on_plan=0 if paid else money,
        unpriced=int(usd is None),
    )


def sizes_of(session: Session, made: Made) -> dict[str, int]:
    """Tell how many tasks fit into the rate windows of each provider at once."""
    everything = Share()
    for share in made.shares.values():
        everything = everything.plus(share)
    each = {name: made.shares.get(name, everything) for name in session.config.providers}
    return {
        name: batching.size(provider, each[name].tokens / max(1, each[name].tasks))
        for name, provider in session.config.providers.items()
    }


def _identity(node: Node, repository: str) -> str:
    """Hash what a node is: its text, its repository and its options."""
    facts = [node.task, repository, sorted(node.options.items())]
    return _digest(json.dumps(facts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _longest(needs: Sequence[Iterable[int]], seconds: Sequence[float]) -> float:
    """Sum the longest chain; there are no circles."""
    ends: list[float | None] = [None] * len(seconds)
    for start in range(len(seconds)):
        todo = [start]
        while todo:
            place = todo[-1]
            open_ones = [need for need in needs[place] if ends[need] is None]
            if open_ones and ends[place] is None:
                todo += open_ones
                continue
            todo.pop()
            if ends[place] is None:
                before = [ends[need] or 0.0 for need in needs[place]]
                ends[place] = seconds[place] + max(before, default=0.0)
    return max((end or 0.0 for end in ends), default=0.0)
