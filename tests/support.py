"""What the tests that start ./orchestrate.sh share: a simulated upstream, and a place to run in."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = ROOT / "tests" / "clients" / "node_modules" / ".bin"
PROVIDERS = ("codex", "gemini", "claude")
KEYS = {
    "codex": ("OPENAI_API_KEY", "sk-proj-simulated0codex0key0q7w5e3r1t9y2u4i6"),
    "gemini": ("GEMINI_API_KEY", "AIzaSimulated0gemini0key0q7w5e3r1t9y2u4"),
    "claude": ("ANTHROPIC_API_KEY", "sk-ant-api03-simulated0claude0key0q7w5e3r1t9y2u4"),
}
PREFERRED = {  # a task that goes to this provider
    "codex": "Fix the bug in the data loader",
    "gemini": "Analyze the trends in this data and explain the patterns",
    "claude": "Design the architecture of a scalable, distributed system",
}
BLANK = {
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "latency_ms": None,
    "answer": None,
    "output_tokens": None,
    "cached_tokens": None,
    "key": None,
    "admin_key": None,
    "outside_requests": None,
    "outside_tokens": None,
    "outside_cost_micro_usd": None,
    "headers": None,
    "faults": [],
    "tools": [],
    "tools_repeat": False,
}


class Simulator:
    """The simulated upstream in a process of its own; it ends with this one at the latest."""

    def __init__(self):
        words = ["--prices", ROOT / "config" / "prices.json", "--parent-pid", os.getpid()]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", ROOT / "lib", "simulate", *map(str, words)],
            stdout=subprocess.PIPE,
        )
        ready = json.loads(self.process.stdout.readline())
        self.url, self.port = ready["url"], ready["port"]

    def play(self, provider, **fields):
        """Change what a provider does; a fault with no `times` is for always."""
        if "faults" in fields:
            fields["faults"] = [{"times": "always", **fault} for fault in fields["faults"]]
        self._ask("POST", "/_sim/scenario", {"providers": {provider: fields}})

    def clear(self):
        """Forget scenarios and books."""
        providers = (*PROVIDERS, "compatible")
        self._ask("POST", "/_sim/scenario", {"providers": dict.fromkeys(providers, BLANK)})
        self._ask("POST", "/_sim/reset", {})

    def books(self, provider):
        return self._ask("GET", "/_sim/books")["providers"][provider]

    def bill_usd(self):
        return self._ask("GET", "/_sim/books")["total_cost_micro_usd"] / 1_000_000

    def requests(self, provider=""):
        return self._ask("GET", f"/_sim/requests?provider={provider}")

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, method, path, document=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if document is None else json.dumps(document))
            reply = connection.getresponse()
            body = json.loads(reply.read())
            assert reply.status == 200, body
            return body
        finally:
            connection.close()


class Run:
    """How one start of a script ended; `line` is its JSON on stdout."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def line(self):
        return json.loads(self.out)

    @property
    def metrics(self):
        return self.line["execution_metrics"]

    @property
    def attempts(self):
        return self.metrics["attempts"]

    def __repr__(self):
        return f"exit {self.code}\n{self.out[:4000]}\n{self.err[-4000:]}"


class Place:
    """A repository, a home, configuration, state and logs of a test's own, below a folder.

    Its path holds a space. `environment` is all that a start gets to see.
    """

    def __init__(self, folder, url="http://127.0.0.1:9", *, clients=False):
        self.folder = Path(folder) / "a place"
        self.home, self.repo = self.folder / "home", self.folder / "repo"
        self.config, self.state = self.folder / "config", self.folder / "state"
        self.logs, self.temporary = self.folder / "logs", self.folder / "tmp"
        for made in (self.home, self.repo, self.config, self.temporary):
            made.mkdir(parents=True)
        for name in ("providers", "keywords", "agents", "prices", "budgets", "rules", "suggest"):
            shutil.copy(ROOT / "config" / f"{name}.json", self.config)
        for path in (ROOT / "config").glob("*.yaml"):
            shutil.copy(path, self.config)
        for name in ("schema", "agents"):
            shutil.copytree(ROOT / "config" / name, self.config / name)
        self.overlay = {}
        path = ["/usr/local/bin", "/usr/bin", "/bin"]
        if clients:
            path = [str(CLIENTS), str(Path(shutil.which("node") or "node").parent), *path]
        self.environment = {
            "PATH": os.pathsep.join(path),
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "ORCHESTRATE_PYTHON": sys.executable,
            "ORCHESTRATE_CONFIG": str(self.config),
            "ORCHESTRATE_STATE": str(self.state),
            "ORCHESTRATE_LOGS": str(self.logs),
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_GEMINI_BASE_URL": url,
            **dict(KEYS.values()),
        }

    def make_repository(self):
        """Put two files under git, in one commit; returns it, as git prints it."""
        (self.repo / "README.md").write_text("A loader of data.\n", encoding="utf-8")
        (self.repo / "loader.py").write_text("LIMIT = 10\n", encoding="utf-8")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Begin")
        return self.git("rev-parse", "HEAD")

    def git(self, *words, folder=None):
        named = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@localhost"}
        named |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@localhost"}
        return subprocess.run(
            ["git", "-C", folder or self.repo, *words],
            env={**self.environment, **named},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def lay(self, document):
        """Merge into the user's overlay, config/local.json."""
        self.overlay = _merged(self.overlay, document)
        (self.config / "local.json").write_text(json.dumps(self.overlay), encoding="utf-8")

    def settings(self, **settings):
        self.lay({"providers": {"settings": settings}})

    def provider(self, name, **fields):
        """Change fields of a provider; lists replace what is shipped."""
        self.lay({"providers": {"providers": {name: fields}}})

    def transports(self, *names, **fields):
        """Change fields of every transport of these providers."""
        for name in names or PROVIDERS:
            shipped = self.overlay.get("providers", {}).get("providers", {}).get(name, {})
            rows = shipped.get("transports") or self._shipped(name)["transports"]
            self.provider(name, transports=[{**row, **fields} for row in rows])

    def models(self, *names, **fields):
        """Change fields of every model of these providers."""
        for name in names or PROVIDERS:
            rows = self._shipped(name)["models"]
            self.provider(name, models=[{**row, **fields} for row in rows])

    def model_names(self, provider):
        return [row["name"] for row in self._shipped(provider)["models"]]

    def unlimited(self):
        """Take all limits away."""
        for name in PROVIDERS:
            self.provider(name, limits=[])

    def command(self, *words, environment=None, **options):
        """Start a command in a process group of its own, as cron does: with no terminal."""
        options = {"stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(
            words,
            env={**self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            start_new_session=True,
            **options,
        )

    def start(self, *words, under=(), **options):
        """Start ./orchestrate.sh, `under` another command."""
        return self.command(*under, ROOT / "orchestrate.sh", *words, **options)

    def run(self, *words, task=None, environment=None, timeout_s=60):
        """Run ./orchestrate.sh to its end; `task` are bytes for its stdin."""
        given = self.folder / "stdin"
        given.write_bytes(task or b"")
        with given.open("rb") as stdin:
            process = self.start(*words, environment=environment, stdin=stdin)
        return finished(process, timeout_s)

    def script(self, name, *words, timeout_s=60):
        """Run one of scripts/ to its end."""
        return finished(self.command(ROOT / "scripts" / name, *words), timeout_s)

    def helper(self, *words, timeout_s=60):
        """Run one of the Python helpers to its end."""
        words = (sys.executable, "-I", "-X", "utf8", ROOT / "lib", *words)
        return finished(self.command(*words), timeout_s)

    def decisions(self):
        return _lines(self.logs / "provider_recommendations.jsonl")

    def usage_lines(self):
        return _lines(self.logs / "provider_usage.jsonl")

    def usage(self, provider):
        """Read a provider's usage file."""
        return json.loads((self.state / f"{provider}_usage.json").read_text(encoding="utf-8"))

    def transcripts(self):
        return [path.read_text(encoding="utf-8") for path in (self.logs / "runs").iterdir()]

    def processes(self):
        """Find what runs with this home: pid -> (command line, environment)."""
        mark = f"HOME={self.home}".encode()
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError):
                environment = Path("/proc", entry, "environ").read_bytes().split(b"\0")
                if mark in environment:
                    line = Path("/proc", entry, "cmdline").read_bytes()
                    found[int(entry)] = (line, environment)
        return found

    def quiet(self, within_s=5.0):
        """Wait until nothing runs with this home; returns the command lines of what still does."""
        wait(lambda: not self.processes(), within_s)
        return [line.replace(b"\0", b" ").decode() for line, _ in self.processes().values()]

    def clear(self):
        """End what is left of a failed test, by process id."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _shipped(self, name):
        text = (ROOT / "config" / "providers.json").read_text(encoding="utf-8")
        return json.loads(text)["providers"][name]


class Watch:
    """Collects the command lines and environments of everything that starts in a place."""

    def __init__(self, place):
        self.place = place
        self.lines, self.environments = set(), {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.wait(0.02):
            for line, environment in self.place.processes().values():
                self.lines.add(line)
                self.environments[line] = environment


def finished(process, timeout_s=60):
    """Wait for a start and return how it ended; it is killed with its group after `timeout_s`."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        message = f"not finished after {timeout_s} s\n{out}\n{err}"
        raise AssertionError(message) from None
    return Run(process.returncode, out, err)


def wait(condition, within_s=10.0):
    """Return the first true value of `condition`, asked again and again, or its last one."""
    until = time.monotonic() + within_s
    while True:
        value = condition()
        if value or time.monotonic() > until:
            return value
        time.sleep(0.02)


def _merged(base, patch):
    if not isinstance(patch, dict):
        return patch
    base = base if isinstance(base, dict) else {}
    return {**base, **{name: _merged(base.get(name), value) for name, value in patch.items()}}


def _lines(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
