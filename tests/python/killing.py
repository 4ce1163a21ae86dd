"""Run a real task on an upstream in this process, and kill it at its k-th step."""

import contextlib
import json
import os
import threading
from decimal import Decimal

import world

from orchestrator.decide import lines
from orchestrator.records import Route, Wishes
from orchestrator.simulator.bill import Price
from orchestrator.simulator.server import Server
from orchestrator.simulator.upstream import Upstream
from orchestrator.state import files, inflight, journal, logfile, usage
from orchestrator.state.ledger import Ledger
from orchestrator.work import recover
from orchestrator.work.context import Context, Dispatch
from orchestrator.work.task import Task

TASK_ID = "20261120T220000.000Z-0123abcd"
PRICE = Price(Decimal(100), Decimal(200), Decimal(10))
STEPS = (
    (inflight.InFlight, "note"),
    (inflight.InFlight, "close"),
    (Ledger, "reserve"),
    (Ledger, "settle"),
    (logfile, "append"),
)


class Killed(BaseException):
    """The process is gone; nothing but `finally` may see it."""


@contextlib.contextmanager
def upstream():
    server = Server("127.0.0.1", 0, Upstream({"priced": PRICE}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def killed_at(place, *, after=False):
    """Raise Killed before or after the step at `place`, counted from 0; yield the steps made."""
    made, originals = [], [(owner, name, getattr(owner, name)) for owner, name in STEPS]

    def counted(name, original):
        def step(*given, **named):
            number = len(made)
            made.append(name)
            if number == place and not after:
                raise Killed
            result = original(*given, **named)
            if number == place:
                raise Killed
            return result

        return step

    for owner, name, original in originals:
        setattr(owner, name, counted(name, original))
    try:
        yield made
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


@contextlib.contextmanager
def dying():
    """When what runs inside is killed, its locks go as those of a dead process do."""
    try:
        yield
    except Killed:
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if "/inflight/" in os.readlink(f"/proc/self/fd/{number}"):
                    os.close(int(number))
        raise


class House:
    """State, logs and configuration in a folder, for a task over two providers' APIs."""

    def __init__(self, folder, server, *, fsync=False):
        self.folder, self.upstream = folder, server.upstream
        url = f"http://127.0.0.1:{server.server_port}"
        model = world.model("priced", max_output_tokens=100)
        ways = {
            "codex": world.way("openai", "api", access="none", dialect="openai_responses",
                               base_url=f"{url}/v1"),
            "claude": world.way("anthropic", "api", access="none", dialect="anthropic",
                                base_url=url),
        }  # fmt: skip
        providers = [
            world.provider(name, way, models=[model], limits=[world.daily(5)])
            for name, way in ways.items()
        ]
        self.config = world.config(*providers, prices={"priced": world.price(100, 200)},
                                   fsync=fsync)  # fmt: skip
        self.config = self.config._replace(folder=str(folder / "config"))
        for name in ("config/agents", "state", "logs", "repository"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "config/agents/debugger.md").write_text("Be brief.")
        self.chain = tuple(Route(n, "priced", w, "none", 100) for n, w in ways.items())

    @property
    def state(self):
        return str(self.folder / "state")

    @property
    def logs(self):
        return str(self.folder / "logs")

    def run(self):
        line = lines.decision(world.decide("fix it", self.config), TASK_ID,
                              str(self.folder / "repository"), {"text": "fix it", "sha256": ""},
                              world.NOW_MS, "UTC")  # fmt: skip
        ledger = Ledger(self.state, self.config, self.logs)
        log = journal.Journal(self.logs, fsync=self.config.settings["fsync"])
        silent = {"tell": print, "show": print, "interrupted": lambda: 0}
        environment = {"OPENAI_KEY": "sk-x", "ANTHROPIC_KEY": "sk-x"}
        context = Context(
            self.config, environment, (), self.state, self.logs, ledger, log, **silent
        )
        task = Dispatch(line, "fix it", self.chain, Wishes())
        with dying():
            return Task(context, task).run()

    def recover(self):
        with dying():
            return recover.run(self.state, self.logs, self.config)

    def log(self, name):
        return [json.loads(line) for line in logfile.complete_lines(os.path.join(self.logs, name))]

    def books(self):
        """Read windows and reservations of all providers."""
        documents = [
            files.read_json(usage.path_of(self.state, name)) for name in self.config.providers
        ]
        return [{k: d[k] for k in ("windows", "reservations")} for d in documents if d]

    def spent_micro_usd(self):
        windows = [books["windows"].get("cost_usd/day", {}) for books in self.books()]
        return sum(sum(window.values()) for window in windows)
