"""Run the simulated upstream until it is told to end."""

import os
import signal
import sys
import time
from pathlib import Path
from threading import Event, Thread

import click

from orchestrator.simulator.bill import read_prices
from orchestrator.simulator.document import encode, parse
from orchestrator.simulator.server import Server
from orchestrator.simulator.upstream import Upstream

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
POLL_S = 0.25
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


def main(args: list[str]) -> int:
    """Run the command; returns 0 after a signal or the time given, 2 for wrong usage."""
    try:
        simulate.main(args=args, prog_name="simulate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


@click.command()
@click.option("--port", default=0, show_default=True, help="Port; 0 takes any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address.")
@click.option(
    "--scenario", type=FILE, help="JSON file: limits, answers, faults and tools for each provider."
)
@click.option("--prices", type=FILE, help="JSON file of prices, for the bill.")
@click.option(
    "--latency-ms", default=0, show_default=True, help="Time to the first byte of every answer."
)
@click.option(
    "--ready-file",
    "--pid-file",
    type=NEW_FILE,
    help="Written with {url, port, pid} when listening.",
)
@click.option(
    "--exit-after-s", default=3600.0, show_default=True, help="End after so many seconds."
)
@click.option("--parent-pid", type=int, help="End when this process is gone.")
def simulate(  # noqa: PLR0913 - one argument for each option
    *,
    port: int,
    host: str,
    scenario: Path | None,
    prices: Path | None,
    latency_ms: int,
    ready_file: Path | None,
    exit_after_s: float,
    parent_pid: int | None,
) -> None:
    """Serve simulated providers; the first line printed is {url, port, pid}."""
    try:
        upstream = Upstream(read_prices(prices) if prices else {}, latency_ms)
        if scenario is not None:
            upstream.play(parse(scenario.read_bytes()))
        server = Server(host, port, upstream)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
    ready = encode({"url": server.url, "port": server.server_port, "pid": os.getpid()}) + b"\n"
    if ready_file is not None:
        _write(ready_file, ready)
    sys.stdout.buffer.write(ready)
    sys.stdout.buffer.flush()
    end = time.monotonic() + exit_after_s
    while time.monotonic() < end and _alive(parent_pid):
        if stop.wait(min(POLL_S, max(0.0, end - time.monotonic()))):
            break
    server.shutdown()
    server.server_close()


def _alive(pid: int | None) -> bool:
    """Return whether the process exists; no process is as good as a living one."""
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(path: Path, data: bytes) -> None:
    """Write a file at once: a reader sees all of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)
