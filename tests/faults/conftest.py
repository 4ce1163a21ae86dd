"""What the fault tests share: one provider alone, and a start whose memory is measured."""

import contextlib
import shutil
import subprocess
import threading
from pathlib import Path

import killing
import pytest
from calling import Caller
from support import finished
from sweeping import Driver

from orchestrator.config import load


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """The shipped configuration, without a user's overlay."""
    folder = tmp_path_factory.mktemp("a config")
    for entry in (Path(__file__).resolve().parents[2] / "config").iterdir():
        if entry.name in {"schema", "agents"} or (
            entry.suffix == ".json" and not entry.name.endswith("_usage.json")
        ):
            (folder / entry.name).symlink_to(entry)
    (folder / "local.json").unlink(missing_ok=True)
    return load.load(str(folder))


@pytest.fixture
def caller(simulator, shipped):
    return Caller(simulator.url, shipped)


@pytest.fixture
def alone(place):
    """Run a task on one provider over HTTP, JSON on stdout."""
    place.settings(backoff={"base_s": 0.2, "cap_s": 1, "retry_after_cap_s": 30})

    def run(provider, *words, task="Fix the bug in data loader", **options):
        chosen = ("--transport", "api", "--provider", provider)
        return place.run("--yes", "--json", *chosen, *words, str(place.repo), task, **options)

    return run


@pytest.fixture
def chain(place):
    """Run a task that suits codex, over HTTP, with all three providers there."""

    def run(*words, task="Fix the bug in data loader", **options):
        chosen = ("--yes", "--json", "--transport", "api")
        return place.run(*chosen, *words, str(place.repo), task, **options)

    return run


@pytest.fixture
def measured(place):
    """Run a start to its end and return it with the most memory it held, in MB."""

    def run(*words, timeout_s=60, **options):
        process = place.start(*words, **options)
        most, done = [0], threading.Event()

        def look():
            while not done.wait(0.02):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
                    most[0] = max(most[0], int(status.split("VmHWM:")[1].split()[0]) // 1024)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            return finished(process, timeout_s), most
        finally:
            done.set()
            thread.join()

    return run


@pytest.fixture
def mounted():
    """Mount a file system in memory on a folder, or change how it is mounted; gone at the end."""
    folders = []

    def mount(folder, options):
        folder.mkdir(parents=True, exist_ok=True)
        words = ["mount", "-t", "tmpfs", "-o", f"{options},mode=0700", "tmpfs", folder]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"only root may mount: {done.stderr.strip()}")
        folders.append(folder)

    yield mount
    for folder in reversed(folders):
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def disturbed(place):
    """Run a task on codex over HTTP, quietly: its answer on stdout, one line on stderr."""

    def start(*words, **options):
        chosen = ("--yes", "--quiet", "--json", "--provider", "codex", "--transport", "api")
        return place.start(*chosen, *words, str(place.repo), "Fix the bug", **options)

    return start


@pytest.fixture(scope="module")
def server():
    """The upstream in this process, for work that is done without ./orchestrate.sh."""
    with killing.upstream() as made:
        yield made


@pytest.fixture(scope="module")
def driver(server):
    """A process whose children work on state and logs under strace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls can't be made to fail")
    made = Driver(server.server_port)
    yield made
    made.end()
