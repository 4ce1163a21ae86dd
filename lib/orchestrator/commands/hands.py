"""The hands of a worker: it decides for its nodes as a single start does, and tells who watches."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Sequence

from orchestrator import clock
from orchestrator.commands import tasks
from orchestrator.commands.running import context_of
from orchestrator.commands.session import Session, new_task_id
from orchestrator.config import locations
from orchestrator.config.prices import price_of
from orchestrator.decide import costs, lines
from orchestrator.errors import CredentialsError
from orchestrator.providers import attachments
from orchestrator.providers.attachments import Attachments
from orchestrator.records import MICRO, Decision, Json, Node, Route
from orchestrator.state import redaction
from orchestrator.work import packing
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.plan import Plan, wishes_of
from orchestrator.work.runner import Decided
from orchestrator.work.task import agent_text

MOST_LINE = 4000  # bytes that a pipe takes in one piece, whoever else writes
MOST_SHOWN = 240  # characters
MOST_TOLD = 16_384  # characters of an answer that is handed on
HOLD = "hold"
MERGED = "merged"  # the branch that --merge makes


class Voice:
    """Tells who watches what the nodes do, without ever waiting for it."""

    def __init__(self, descriptor: int) -> None:
        """Take the pipe; it must not block a task."""
        self.descriptor, self._lock = descriptor, threading.Lock()
        with contextlib.suppress(OSError):
            os.set_blocking(descriptor, False)

    def say(self, **facts: object) -> None:
        """Say something that may be lost."""
        line = json.dumps(facts).encode() + b"\n"
        if len(line) <= MOST_LINE:
            with self._lock, contextlib.suppress(OSError):
                os.write(self.descriptor, line)


class Hands:
    """Decides for the nodes of a plan."""

    def __init__(self, session: Session, voice: Voice, interrupted: Callable[[], int]) -> None:
        """Keep the session of this worker."""
        self.session, self.voice = session, voice
        self.context = context_of(session, self._told, lambda _: None, interrupted)

    def listening(self, place: int, given: Attachments) -> Context:
        """Make the context of a node: what it tells and does is told of this node."""
        secrets = (*self.context.secrets, *(given.servers.secrets if given.servers else ()))

        def tell(text: str) -> None:
            told = redaction.redact(text, secrets)
            self.voice.say(place=place, doing=told.strip()[:MOST_SHOWN])

        return self.context._replace(tell=tell, show=tell, secrets=secrets)

    def decide(self, plan: Plan, places: Sequence[int], nodes: Sequence[Node]) -> Decided:
        """Decide who runs a node, or several in one call.

        Raises UsageError, CredentialsError and NoRoomError where nobody ever can.
        """
        session, place, node, now_ms = self.session, places[0], nodes[0], clock.now_ms()
        settings = session.config.settings
        planned = plan.schedule.provider[place]
        wishes = wishes_of(node)
        if plan.header["on_wall"] == HOLD and wishes.provider is None:
            wishes = wishes._replace(provider=planned)
        ceiling = plan.header["max_cost_micro_usd"]
        if ceiling is not None and wishes.max_cost_usd is None:
            wishes = wishes._replace(max_cost_usd=ceiling / MICRO)
        repository = locations.repository(node.repository, session.at.workspace)
        given = attachments.read(wishes, settings, session.environment)
        secrets = self.listening(place, given).secrets
        own = packing.joined([n.task for n in nodes]) if len(nodes) > 1 else node.task
        answers = _told_of(plan.answers(place)) if node.informed else ""
        text = "\n\n".join(part for part in (own, node.context, answers) if part)
        tasks.checked(text.encode("utf-8", "surrogatepass"), settings)
        more = _size(text) - _size(node.task)
        found = session.decide(node.task, wishes, now_ms, repository, beside_bytes=more)
        task_id = new_task_id(now_ms)
        logged = tasks.logged(text, settings, secrets)
        line = lines.decision(found, task_id, repository, logged, now_ms, session.zone)
        line |= {"attachments": given.facts} if given.facts else {}
        line |= {
            "run_id": plan.folder.batch,
            "node_id": plan.entries[place].node,
            "story_id": node.story,
        }
        if found.no_room:
            return _no_room(found, planned, line)._replace(text=text)
        if not found.ready:
            raise CredentialsError(f"nothing can run it: {found.chosen.blocks[0].reason}")
        entry = plan.entries[place]
        dispatch = Dispatch(
            line=line,
            task=text,
            chain=found.chain,
            wishes=wishes,
            climbs=found.climbs,
            given=given,
            always_tree=wishes.edit and not plan.schedule.items[place].alone,
            branch=f"{plan.folder.batch}/{_branch_of(entry.key) or entry.node}",
            bases=plan.bases(place, repository),
        )
        size = _size(text)
        size += len(agent_text(session.config.folder, found.agent.name).encode())
        least, most = self._ceiling(found, size, len(given.images))
        return Decided(found.chosen.provider, dispatch, least, most)

    def _ceiling(self, found: Decision, size: int, pictures: int) -> tuple[int, int]:
        """Tell what one turn of the first way may cost at most, and what does for all of it."""
        routes = [route for chain in (found.chain, *found.climbs) for route in chain]
        paid = [route for route in routes if route.transport.billing == "metered"]
        if not paid:
            return 0, 0
        bounds = [self._bound(route, size, pictures) for route in paid]
        expected = found.chosen.estimate.cost_usd if found.chosen.estimate else None
        first = bounds[0] if paid[0] == found.chain[0] else 0
        return first, max([*bounds, round(3 * MICRO * (expected or 0.0))])

    def _bound(self, route: Route, size: int, pictures: int) -> int:
        config, at = self.session.config, clock.iso(clock.now_ms())
        price = price_of(config.prices, route.provider, route.model, at[:10])
        overhead = route.transport.overhead_tokens + pictures * config.settings["image_tokens"]
        per_request = config.providers[route.provider].cost_per_request_usd
        turn = costs.turn_bound(price, size, overhead, route.max_output_tokens, per_request)
        return turn.cost_micro_usd

    def _told(self, text: str) -> None:
        self.voice.say(notice=redaction.redact(text, self.session.secrets)[:MOST_SHOWN])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _branch_of(key: str) -> str:
    """Take a key as the name of a branch, where git takes it, too, and nothing else has it."""
    parts = key.split(".")
    return key if all(parts) and parts[-1] != "lock" and key != MERGED else ""


def _no_room(found: Decision, planned: str, line: Json) -> Decided:
    state = line["provider_state_at_recommendation"][found.chosen.provider]
    held = [row for row in found.candidates if row.blocks and all(b.busy for b in row.blocks)]
    return Decided(
        planned,
        None,
        retry_at_ms=found.retry_at_ms,
        busy=bool(held),
        reason=f"{found.chosen.provider}: {state['block_reason']}",
        line=line,
    )


def _told_of(answers: Sequence[Json]) -> str:
    """Write what came of the nodes that one builds on, for its own text."""
    if not answers:
        return ""
    parts = ["What came of the parts that this builds on:"]
    for row in answers:
        answer = row["answer"]
        cut = "\n(cut)" if len(answer) > MOST_TOLD else ""
        changed = f"\nIts changes:\n{row['diffstat']}" if row.get("diffstat") else ""
        parts.append(f"## {row['title']} ({row['outcome']})\n\n{answer[:MOST_TOLD]}{cut}{changed}")
    return "\n\n".join(parts)
