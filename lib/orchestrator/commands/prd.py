"""`prd [options] PRD`: what scripts/run_prd.sh does: user stories as a plan (seed 001)."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.commands import batch, launch
from orchestrator.commands.planning import Planner
from orchestrator.commands.session import Session
from orchestrator.config.documents import no_constant, unique
from orchestrator.config.options import Option, parsed
from orchestrator.decide.complexity import story_complexity
from orchestrator.errors import UsageError
from orchestrator.plans import prd

NAME = "scripts/run_prd.sh"
OWN = (*batch.SHARED, Option("repo", "", "text"))
MOST_BYTES = 16 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Plan and run a PRD, or go on with one; returns the exit code."""
    values, rest = parsed(arguments, batch.known(OWN), NAME)
    code = batch.another(values, rest, NAME)
    if code is not None:
        return code
    if len(rest) != 1:
        raise UsageError(f"give one PRD, a JSON file, or - for stdin; see {NAME} --help")
    session = Session()
    terms, given = batch.terms_of("prd", values, session), batch.given_of(values)
    document = _document(rest[0])
    with launch.prepared(session) as folder:
        planner = Planner(session, folder, quiet="quiet" in values)
        nodes, problems = prd.nodes(
            document,
            values.get("repo", "."),
            given,
            session.config.settings,
            lambda story: story_complexity(story, session.terms.complexity),
        )
        for where, text in problems:
            planner.complain(where, text)
        for node in nodes:
            planner.add(node.key, node)
        made = planner.made("the PRD")
        if not made.nodes:
            raise UsageError("there is no story left to be done in the PRD")
        return launch.launch(session, planner, made, terms)


def _document(path: str) -> Any:
    with batch.opened(path) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path}: is larger than {MOST_BYTES} bytes; split it")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON ({error}); nothing was run") from None
