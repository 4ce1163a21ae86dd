"""One dispatch of a plan outside of its workers: decided, run and recorded like any other."""

from __future__ import annotations

from orchestrator import clock
from orchestrator.commands import tasks
from orchestrator.commands.session import Session, new_task_id
from orchestrator.config import locations
from orchestrator.decide import lines
from orchestrator.errors import CredentialsError, NoRoomError
from orchestrator.records import Decision, Wishes
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.task import Result, Task


def decided(session: Session, text: str, wishes: Wishes, repository: str) -> Decision:
    """Decide a task that must run now; raises NoRoomError and CredentialsError."""
    tasks.checked(text.encode("utf-8", "surrogatepass"), session.config.settings)
    found = session.decide(text, wishes, clock.now_ms(), repository)
    blocked = found.chosen.blocks[0].reason if found.chosen.blocks else "nothing is ready"
    if found.no_room:
        raise NoRoomError(f"no provider has room ({blocked})", found.retry_at_ms)
    if not found.ready:
        raise CredentialsError(f"nothing can run yet ({blocked}); make doctor")
    return found


def run(
    session: Session, context: Context, text: str, wishes: Wishes, names: tuple[str, str, str]
) -> Result:
    """Run a task; `names` are REPO, the run and the node that it is recorded under."""
    named, run_id, node_id = names
    repository = locations.repository(named, session.at.workspace)
    found, now_ms = decided(session, text, wishes, repository), clock.now_ms()
    logged = tasks.logged(text, session.config.settings, session.secrets)
    line = lines.decision(found, new_task_id(now_ms), repository, logged, now_ms, session.zone)
    line |= {"run_id": run_id, "node_id": node_id}
    dispatch = Dispatch(line, text, found.chain, wishes, found.climbs, queues=False)
    return Task(context, dispatch).run()
