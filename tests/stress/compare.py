"""Compare what the simulator, our books and logs, and the starts themselves tell of the starts."""

import json
import re
from collections import Counter, defaultdict
from decimal import Decimal

from starts import ROOT

MICRO = 1_000_000
MARKER = re.compile(r"start (\d+-\d+) of many")
ALLOWED = (0, 3, 5, None)  # done, no room, try again later, killed


class Account:
    """Everything known about a trial once it is over and recovered."""

    def __init__(self, place, simulator, records):
        """Read the logs, the usage files and the simulator's books."""
        self.records, self.problems = records, []
        self.requests = simulator.requests()
        self.bill_micro_usd = sum(_bill(request) for request in self.requests)
        told = round(simulator.bill_usd() * MICRO)
        self._expect(abs(self.bill_micro_usd - told) <= 1, "the simulator's books do not add up")
        self.decisions = self._log(place, "provider_recommendations.jsonl")
        self.usage = self._log(place, "provider_usage.jsonl")
        self.books = {
            path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(place.state.glob("*_usage.json"))
        }
        self.inflight = sorted((place.state / ".state" / "inflight").glob("*.jsonl"))
        self._check_starts()
        self._check_logs()
        self._check_books()
        self._check_calls()

    @property
    def our_micro_usd(self):
        return sum(_cost(line) for line in self.usage)

    @property
    def killed(self):
        return sum(record["killed"] for record in self.records)

    def _expect(self, holds, told):
        if not holds:
            self.problems.append(told)

    def _log(self, place, name):
        path, lines = place.logs / name, []
        data = path.read_bytes() if path.exists() else b""
        self._expect(data.endswith(b"\n") or not data, f"{name}: the last line is torn")
        for number, line in enumerate(data.splitlines(), 1):
            try:
                lines.append(json.loads(line))
            except ValueError:
                self.problems.append(f"{name}: line {number} does not parse")
        return lines

    def _check_starts(self):
        for record in self.records:
            self._expect(not record["hung"], f"start {record['marker']} hung")
            self._expect(
                record["code"] in ALLOWED,
                f"start {record['marker']} ended with {record['code']}: {record['err']}",
            )

    def _check_logs(self):
        """Nothing is in a log twice, and what was acknowledged is there."""
        tasks = Counter(line["task_id"] for line in self.decisions)
        attempts = Counter(line["attempt_id"] for line in self.usage)
        for name, found in (("task", tasks), ("attempt", attempts)):
            twice = [key for key, count in found.items() if count > 1]
            self._expect(not twice, f"in the log more than once: {name} {twice[:5]}")
        for record in self.records:
            if record["task_id"] is not None:
                known = record["task_id"] in tasks and attempts.keys() >= set(record["attempts"])
                self._expect(known, f"start {record['marker']} was acknowledged and is lost")

    def _check_books(self):
        """Nothing is held any more, and the books hold what the log says."""
        self._expect(not self.inflight, f"still in flight: {[path.name for path in self.inflight]}")
        for name, document in self.books.items():
            held = list(document["reservations"])
            self._expect(not held, f"{name}: still reserved: {held[:5]}")
            provider = name.removesuffix("_usage.json")
            logged = sum(_cost(line) for line in self.usage if line["provider"] == provider)
            booked = _booked(document)
            self._expect(
                booked in (None, logged), f"{name}: {booked} micro-USD booked, {logged} logged"
            )

    def _check_calls(self):
        """Call by call: equal where the owner lived, never below where it died."""
        theirs, ours, calls = defaultdict(Decimal), defaultdict(int), Counter()
        markers = {line["task_id"]: marker_of(line["task_description"]) for line in self.decisions}
        for request in self.requests:
            theirs[marker_of(request["prompt"])] += _bill(request)
            calls[marker_of(request["prompt"])] += 1
        for line in self.usage:
            if line["task_id"] not in markers:
                self.problems.append(f"attempt {line['attempt_id']} has no decision line")
            ours[markers.get(line["task_id"])] += _cost(line)
        for record in self.records:
            marker = record["marker"]
            our, their = ours.get(marker, 0), theirs.get(marker, Decimal(0))
            off = their - our if record["killed"] else abs(our - their)
            told = "died" if record["killed"] else "lived"
            self._expect(
                off <= max(1, calls[marker]),
                f"start {marker} ({told}): {our} micro-USD booked, {their} charged",
            )
        strangers = (theirs.keys() | ours.keys()) - {record["marker"] for record in self.records}
        self._expect(not strangers, f"calls of nobody: {sorted(map(str, strangers))[:5]}")


def marker_of(text):
    """Find which start a text is of, `WORKER-RUN`, or None."""
    found = MARKER.search(text)
    return found and found[1]


def _cost(line):
    return round(line["cost_usd"] * MICRO)


def _booked(document):
    """Sum what a usage file has booked on all days; None when no row counts money."""
    windows = [w for key, w in document["windows"].items() if key.startswith("cost_usd/day")]
    return sum(sum(window.values()) for window in windows) if windows else None


def _prices():
    path = ROOT / "config" / "prices.json"
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["models"]


PRICES = _prices()


def _bill(request):
    """Price a request as the simulator does: what it answered, to the last digit."""
    if not request["output_tokens"]:
        return Decimal(0)
    price = PRICES[request["model"]]
    given, made = price["input_usd_per_mtok"], price["output_usd_per_mtok"]
    return request["input_tokens"] * Decimal(given) + request["output_tokens"] * Decimal(made)
