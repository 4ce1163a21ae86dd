"""What must hold of a batch that was killed and resumed, once it is over."""

import json
import subprocess
from collections import Counter
from decimal import Decimal

import compare
from hostile import MARK
from starts import ROOT
from support import PROVIDERS

NAMED = 5  # of what is wrong in one way


class Verdict:
    """The logs, the books and the simulator of a place; `problems` say what does not hold."""

    def __init__(self, place, simulator, nodes, spare):
        """Look at all of it; `spare` requests may have been under way at the kills."""
        self.place, self.problems = place, []
        self.left = place.quiet()
        self._expect("still running", self.left)
        self.logs = {path: self._lines(path) for path in sorted(place.folder.rglob("*.jsonl"))}
        self.results = self._of("results.jsonl")
        self.decisions = self._of("provider_recommendations.jsonl")
        self.usage = self._of("provider_usage.jsonl")
        books = [simulator.books(name) for name in PROVIDERS]
        self.requests = sum(b["requests"] + b["refused"] + b["faulted"] for b in books)
        self._check_results(nodes)
        self._check_logs()
        self._check_books(simulator)
        beyond = self.requests - nodes
        if not 0 <= beyond <= spare:
            self.problems.append(f"{self.requests} requests for {nodes} nodes, {spare} may be lost")
        self._expect("a payload was run", list(place.folder.parent.rglob(f"*{MARK}*")))

    def _expect(self, told, wrong):
        if wrong:
            more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
            self.problems.append(f"{told}: {', '.join(map(str, wrong[:NAMED]))}{more}")

    def _of(self, name):
        return [row for path, rows in self.logs.items() if path.name == name for row in rows]

    def _lines(self, path):
        """Read a log; a line that does not parse is a problem."""
        rows, data = [], path.read_bytes()
        if data and not data.endswith(b"\n"):
            self.problems.append(f"{path.name}: the last line is torn")
        for number, line in enumerate(data.splitlines(), 1):
            try:
                rows.append(json.loads(line))
            except ValueError:
                self.problems.append(f"{path.name}: line {number} does not parse")
        return rows

    def _check_results(self, nodes):
        """Every node is there once, done."""
        names = Counter(row["node_id"] for row in self.results)
        self._expect("results more than once", [n for n, count in names.items() if count > 1])
        numbers = Counter(row["number"] for row in self.results)
        self._expect("no result of number", sorted(set(range(1, nodes + 1)) - numbers.keys()))
        failed = [row["number"] for row in self.results if row["status"] != "success"]
        self._expect("not done", failed)
        if len(names) != nodes:
            self.problems.append(f"{len(names)} nodes in the results, {nodes} in the queue")

    def _check_logs(self):
        """Every node has one decision line that tells of its success: that of its result."""
        done = Counter()
        for line in self.decisions:
            if line["execution_metrics"]["status"] == "success":
                done[line["run_id"], line["node_id"], line["task_id"]] += 1
        told = Counter((row["run_id"], row["node_id"], row["task_id"]) for row in self.results)
        self._expect("successes without a result", list((done - told).elements()))
        self._expect("results without a success in the log", list((told - done).elements()))
        tasks = Counter(line["task_id"] for line in self.decisions)
        self._expect("decided twice", [key for key, count in tasks.items() if count > 1])
        attempts = Counter(line["attempt_id"] for line in self.usage)
        self._expect("used twice", [key for key, count in attempts.items() if count > 1])

    def _check_books(self, simulator):
        """Nothing is held any more, state and log agree, and no charge is missing in them."""
        inflight = list((self.place.state / ".state" / "inflight").glob("*.jsonl"))
        self._expect("still in flight", [path.name for path in inflight])
        for path in sorted(self.place.state.glob("*_usage.json")):
            held = json.loads(path.read_text(encoding="utf-8"))["reservations"]
            self._expect(f"{path.name}: still reserved", list(held))
        mended = subprocess.run(
            [ROOT / "scripts" / "repair_state.sh"],
            env=self.place.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if mended.returncode:
            self.problems.append(f"state and log differ: {mended.stdout} {mended.stderr}")
        ours = sum(Decimal(str(line["cost_usd"])) for line in self.usage) * compare.MICRO
        theirs = simulator.bill_usd() * compare.MICRO
        if theirs - float(ours) > self.requests:  # each is rounded to the micro-dollar
            self.problems.append(f"{theirs:.0f} micro-USD charged, {ours} booked")


def unlike(requests, texts):
    """List what differs between texts and prompts that were kept of requests.

    Returns problems, and how many texts were found again, byte for byte.
    """
    kept = [request["prompt"] for request in requests if request["prompt"]]
    asked, known = Counter(kept), Counter(texts)
    strange = [text for text in asked if text not in known]
    found = sum(min(count, asked[text]) for text, count in known.items())
    told = [f"a prompt that is no text of the queue: {text[:200]!r}" for text in strange[:NAMED]]
    return told, found
