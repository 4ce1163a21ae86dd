"""Many tasks at one time while signals come, processes die, providers and disks are used up.

Whatever happens, each task is done once, nothing is left running or reserved, no ceiling is passed,
and what is left can be gone on with.
"""

import contextlib
import json
import os
import signal
import time
from collections import Counter
from itertools import pairwise

import pytest
from disks import crowd, empty, fill
from support import PREFERRED, PROVIDERS, ROOT, finished, wait

from orchestrator.work.packing import mark_of

SCRIPT = ROOT / "scripts" / "batch_runner.sh"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SOON = {"base_s": 0.1, "cap_s": 0.2, "retry_after_cap_s": 1}
LONG = {"kind": "status", "status": 429, "retry_after": "300"}


def spread(count):
    """Make tasks for each of the three providers in turn."""
    return [f"{PREFERRED[PROVIDERS[at % 3]]}, number {at}" for at in range(count)]


class Batch:
    """The one batch of a place."""

    def __init__(self, place, simulator):
        self.place, self.simulator = place, simulator
        self.count = 0

    def start(self, rows, *words, under=(), **options):
        self.count = len(rows)
        path = self.place.folder / "queue.json"
        path.write_text(json.dumps(rows), encoding="utf-8")
        words = ("--yes", "--transport", "api", "--repo", self.place.repo, *words, path)
        return self.place.command(*under, SCRIPT, *map(str, words), **options)

    def run(self, rows, *words, timeout_s=60, **options):
        return finished(self.start(rows, *words, **options), timeout_s)

    def resume(self, *words, **options):
        return finished(self.place.command(SCRIPT, "--resume", "latest", *words, **options))

    def folder(self, below):
        (found,) = below.glob("batches/*")
        return found

    def rows(self):
        """Read all results, in the order in which they came."""
        path = self.folder(self.place.logs) / "results.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def last(self):
        """Take the last result of each task, by its number."""
        return {row["number"]: row for row in self.rows()}

    def summary(self):
        return json.loads((self.folder(self.place.logs) / "summary.json").read_text("utf-8"))

    def events(self, name):
        path = self.folder(self.place.state / ".state") / "progress.jsonl"
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [record for record in found if record["event"] == name]

    def served(self):
        """Count the answers, which are paid for."""
        return sum(self.simulator.books(name)["requests"] for name in PROVIDERS)

    def refusals(self, provider=""):
        """Count how often somebody knocked at a wall."""
        return [row["status"] for row in self.simulator.requests(provider)].count(429)

    def asked(self, least):
        """Wait until the upstream has had so many requests."""
        assert wait(lambda: len(self.simulator.requests()) >= least, 20)

    def play(self, **fields):
        for name in PROVIDERS:
            self.simulator.play(name, **fields)

    def pids(self, mark):
        """Find processes of the batch: `work` for its workers, `xargs`."""
        found = []
        for pid, (line, _) in self.place.processes().items():
            words = line.split(b"\0")
            name = "xargs" if words[0].endswith(b"xargs") else "work" if b"work" in words else ""
            found += [pid] * (name == mark)
        return sorted(found)


@pytest.fixture
def batch(place, simulator):
    place.settings(backoff=SOON)
    return Batch(place, simulator)


def nothing_is_left(place):
    """Check that nothing runs, is reserved or is in flight."""
    assert place.quiet(5.0) == []
    for name in PROVIDERS:
        with contextlib.suppress(FileNotFoundError):
            assert place.usage(name)["reservations"] == {}
    inflight = place.state / ".state" / "inflight"
    assert not inflight.exists() or list(inflight.iterdir()) == []
    assert os.listdir(place.temporary) == []


def all_done(batch, run, *, killed=False):
    """Check that each task was done once, and that all books tell the same.

    What was killed between its last line and the plan's may be missing in the sum of the batch.
    """
    assert run.code == 0, run
    assert "Traceback" not in run.err
    rows = batch.rows()
    assert Counter(row["number"] for row in rows) == dict.fromkeys(range(1, batch.count + 1), 1)
    assert {row["status"] for row in rows} == {"success"}
    done = [r for r in batch.place.decisions() if r["execution_metrics"]["status"] == "success"]
    assert len(done) == batch.count
    nothing_is_left(batch.place)
    spent = sum(line["cost_usd"] or 0 for line in batch.place.usage_lines())
    told = batch.summary()["cost_usd"]
    assert told == pytest.approx(spent, abs=1e-5) or (killed and told < spent)
    lines = batch.place.decisions()
    assert len({line["task_id"] for line in lines}) == len(lines)


# Rows 51 to 54: signals.


@pytest.mark.parametrize("to", ["its process", "its group"])
@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGINT] * 2, [signal.SIGTERM], [signal.SIGHUP]],
    ids=["INT", "INT twice", "TERM", "HUP"],
)
def test_rows_51_54_a_signal_settles_what_runs_and_the_batch_can_be_gone_on_with(
    batch, place, signals, to
):
    batch.play(faults=[{"kind": "hang"}])
    process = batch.start(spread(8), "--parallel", "4")
    batch.asked(4)
    began = time.monotonic()
    for number in signals:
        (os.kill if to == "its process" else os.killpg)(process.pid, number)
        time.sleep(0.1)
    run = finished(process)
    assert time.monotonic() - began < 5
    assert run.code == CODES[signals[0]], run
    assert "Traceback" not in run.err
    nothing_is_left(place)
    summary = batch.summary()
    assert (summary["status"], summary["done"], summary["left"]) == ("stopped", 0, 8)
    assert f"8 left: scripts/batch_runner.sh --resume {summary['batch']}" in run.err
    assert summary["cost_usd"] > 0  # what was cancelled is estimated
    batch.play(faults=[])
    all_done(batch, batch.resume(), killed=len(signals) > 1)


@pytest.mark.parametrize("times", [1, 2])
def test_rows_51_54_a_signal_ends_clients_with_their_children_deaf_as_they_are(
    batch, place, clients, times
):
    clients("trap '' TERM INT HUP\nsleep 300 &\ntouch \"$OLDPWD/running $$\"\nsleep 300\n")
    process = batch.start(["Fix the bug", "Fix it"], "--transport", "cli", "--provider", "codex")
    assert wait(
        lambda: (
            len([line for line, _ in place.processes().values() if line.startswith(b"sleep")]) >= 4
        ),
        20,
    )
    began = time.monotonic()
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    run = finished(process)
    assert time.monotonic() - began < 5
    assert run.code == 130, run
    nothing_is_left(place)
    assert batch.summary()["left"] == 2


def test_rows_51_54_a_second_signal_waits_for_no_worker_that_can_not_settle(batch, place):
    batch.play(faults=[{"kind": "hang"}])
    process = batch.start(spread(3))
    batch.asked(3)
    for pid in batch.pids("work"):
        os.kill(pid, signal.SIGSTOP)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    run = finished(process, 5)
    assert run.code == 130, run
    nothing_is_left(place)
    batch.play(faults=[])
    all_done(batch, batch.resume(), killed=True)


def test_rows_51_54_a_hang_up_that_nohup_set_aside_stops_nothing(batch):
    batch.play(latency_ms=500)
    under = ("bash", "-c", "trap '' HUP; exec \"$@\"", "bash")
    process = batch.start(spread(3), under=under)
    batch.asked(3)
    os.killpg(process.pid, signal.SIGHUP)
    all_done(batch, finished(process))


def test_rows_51_54_a_signal_while_all_wait_for_room_ends_the_wait(batch, place):
    batch.play(faults=[LONG])
    process = batch.start(spread(3))
    assert wait(lambda: len(batch.simulator.requests()) >= 3 and batch.events("held"), 20)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGTERM)
    run = finished(process, 5)
    assert run.code == 143, run
    assert batch.summary()["left"] == 3
    nothing_is_left(place)


# Rows 10 to 12: kill -9.


def test_rows_10_12_a_killed_coordinator_leaves_workers_that_settle_and_end(batch, place):
    batch.play(latency_ms=1000)
    process = batch.start(spread(12), "--parallel", "10")
    batch.asked(10)
    process.kill()
    process.communicate()
    assert place.quiet(5.0) == []
    batch.play(latency_ms=0)
    all_done(batch, batch.resume(), killed=True)


@pytest.mark.parametrize("parallel", ["4", "10"])
@pytest.mark.parametrize("mark", ["work", "xargs"])
def test_rows_10_12_a_killed_worker_or_xargs_is_made_up_for_by_the_batch_itself(
    batch, parallel, mark
):
    batch.play(latency_ms=500)
    process = batch.start(spread(16), "--parallel", parallel)
    batch.asked(int(parallel))
    os.kill(batch.pids(mark)[0], signal.SIGKILL)
    all_done(batch, finished(process), killed=True)
    assert batch.summary()["runs"] == 1


def test_rows_10_12_killed_again_and_again_each_task_is_done_once(batch, place):
    batch.play(latency_ms=150)
    process = batch.start(spread(32), "--parallel", "9")
    for number in range(3):
        batch.asked(8 * (number + 1))
        for pid in [process.pid, *batch.pids("xargs"), *batch.pids("work")]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()
        assert place.quiet(5.0) == []
        process = place.command(SCRIPT, "--resume", "latest")
    all_done(batch, finished(process), killed=True)
    assert batch.summary()["runs"] == 4


def test_rows_10_12_a_task_that_ends_its_worker_each_time_is_given_up_and_the_others_are_done(
    batch, place, clients
):
    clients("sleep 0.5\nkill -9 $PPID\nsleep 300\n")
    rows = [{"task": "Fix the bug", "provider": "codex", "transport": "cli"}, *spread(3)[1:]]
    run = batch.run(rows, "--parallel", "2")
    assert run.code == 6, run
    last = batch.last()
    assert [last[at]["status"] for at in (1, 2, 3)] == ["failed", "success", "success"]
    assert last[1]["error"] == "its worker died 3 times"
    nothing_is_left(place)


# Providers that are used up.


@pytest.mark.parametrize("parallel", ["5", "12"])
@pytest.mark.parametrize("wall", [LONG, {"kind": "quota"}], ids=["429", "quota"])
def test_when_one_provider_is_used_up_the_others_do_all_of_it(batch, place, wall, parallel):
    place.lay({"budgets": {"limits_usd": {"day": 2}}})
    batch.simulator.play("codex", faults=[{**wall, "after": 5}])
    run = batch.run(spread(60), "--parallel", parallel)
    all_done(batch, run)
    by = Counter(row["provider"] for row in batch.rows())
    assert (by["codex"], sum(by.values())) == (5, 60)
    assert batch.refusals("codex") <= 1 + 3
    assert batch.simulator.bill_usd() <= 2


def test_when_all_are_used_up_for_a_while_the_batch_waits_and_goes_on_by_itself(batch):
    batch.play(faults=[{**LONG, "retry_after": "3"}])
    process = batch.start(spread(9))
    began = time.monotonic()
    for name in PROVIDERS:
        assert wait(lambda name=name: batch.simulator.requests(name), 20)
    time.sleep(2.5)
    batch.play(faults=[])
    run = finished(process)
    assert time.monotonic() - began > 2.9
    all_done(batch, run)
    assert 3 <= batch.refusals() <= 9


def test_without_waiting_what_finds_no_room_is_queued_and_the_rest_is_done(batch, place):
    batch.play(faults=[{**LONG, "after": 2}])
    run = batch.run(spread(15), "--no-wait")
    assert run.code == 6, run
    statuses = Counter(row["status"] for row in batch.rows())
    assert statuses == {"success": 6, "deferred": 9}
    assert (batch.summary()["done"], batch.summary()["left"]) == (6, 0)
    lines = (place.logs / "deferred.jsonl").read_text("utf-8").splitlines()
    waiting = [json.loads(line) for line in lines]
    tasks = [row["task"] for row in waiting if row["event"] == "queued"]
    assert len(tasks) == len(set(tasks)) == 9
    assert set(tasks) < set(spread(15))
    assert all(row["retry_at"] for row in waiting)
    nothing_is_left(place)


def test_what_holds_for_its_own_provider_waits_for_its_reset_and_goes_nowhere_else(batch):
    batch.simulator.play("codex", faults=[{**LONG, "retry_after": "2", "after": 1}])
    process = batch.start(spread(9), "--on-wall", "hold")
    assert wait(lambda: batch.refusals("codex"), 20)
    began = time.monotonic()
    batch.simulator.play("codex", faults=[])
    run = finished(process)
    assert time.monotonic() - began > 1.5
    all_done(batch, run)
    assert Counter(row["provider"] for row in batch.rows()) == dict.fromkeys(PROVIDERS, 3)


def test_a_limit_of_one_call_at_a_time_is_kept(batch, place, simulator):
    row = {"metric": "parallel", "limit": 1, "block_at_percent": 100}
    place.provider("codex", limits=[row])
    simulator.play("codex", latency_ms=200)
    run = batch.run(["Fix the bug"] * 5, "--provider", "codex", "--parallel", "5")
    all_done(batch, run)
    times = [request["monotonic"] for request in simulator.requests("codex")]
    assert len(times) == 5
    assert min(after - before for before, after in pairwise(times)) >= 0.2


# Money.


@pytest.mark.parametrize("tokens", [500, 2500, 8000])
def test_all_of_it_never_costs_more_than_its_ceiling(batch, place, simulator, tokens):
    model = next(name for name in place.model_names("codex") if "terra" in name)
    simulator.play("codex", output_tokens=tokens, latency_ms=100)
    words = ("--provider", "codex", "--model", model, "--max-cost", "0.15", "--parallel", "8")
    run = batch.run([f"Fix the bug {at}" for at in range(16)], *words)
    bill = simulator.bill_usd()
    assert 0 < bill <= 0.15
    assert batch.summary()["cost_usd"] == pytest.approx(bill, abs=1e-5)
    assert run.code == (0 if batch.summary()["done"] == 16 else 6), run
    for row in batch.rows():
        assert row["status"] == "success" or "left of --max-cost" in row["error"], row
    assert bill > 0.15 / 2 or run.code == 0
    nothing_is_left(place)


def test_below_a_ceiling_with_room_for_all_as_many_run_at_once_as_without_one(batch, simulator):
    simulator.play("codex", latency_ms=1500)
    words = ("--provider", "codex", "--tier", "cheap", "--max-cost", "20", "--parallel", "6")
    all_done(batch, batch.run([f"Fix the bug {at}" for at in range(6)], *words))
    times = [request["monotonic"] for request in simulator.requests("codex")]
    assert max(times) - min(times) < 1.5


def test_the_ceiling_holds_for_what_is_paid_after_a_plan_that_fails(
    batch, place, simulator, clients
):
    clients("exit 255\n")
    (place.home / ".codex").mkdir()
    (place.home / ".codex" / "auth.json").write_text('{"tokens": {}}', encoding="ascii")
    simulator.play("codex", output_tokens=20_000)
    path = place.folder / "queue.json"
    path.write_text(json.dumps(["Fix the bug", "Fix it"]), encoding="utf-8")
    words = ("--yes", "--allow-blind", "--max-cost", "0.002", "--repo", place.repo, path)
    finished(place.command(SCRIPT, *words))
    assert simulator.bill_usd() <= 0.002
    assert sum(line["cost_usd"] or 0 for line in place.usage_lines()) <= 0.002
    nothing_is_left(place)


def test_the_ceiling_of_a_row_holds_beside_that_of_all(batch, simulator):
    simulator.play("codex", output_tokens=20_000)
    batch.run([{"task": "Fix the bug", "max_cost": 0.001}], "--max-cost", "1")
    assert simulator.bill_usd() <= 0.001


def test_a_ceiling_counts_what_was_spent_before_the_batch_was_killed(batch, place, simulator):
    model = next(name for name in place.model_names("codex") if "terra" in name)
    simulator.play("codex", output_tokens=2500, latency_ms=300)
    words = ("--provider", "codex", "--model", model, "--max-cost", "0.15", "--parallel", "4")
    process = batch.start([f"Fix the bug {at}" for at in range(16)], *words)
    batch.asked(6)
    process.kill()
    process.communicate()
    assert place.quiet(5.0) == []
    batch.resume()
    assert 0.05 < simulator.bill_usd() <= 0.15
    assert batch.summary()["cost_usd"] <= 0.15
    nothing_is_left(place)


# Folders, disks and files that change while it runs.


def test_row_60_a_repository_that_vanishes_takes_only_its_own_tasks_with_it(batch, place):
    other = place.folder / "other"
    other.mkdir()
    batch.play(latency_ms=500)
    rows = [
        {"task": f"Fix the bug {at}", "repo": str((other, place.repo)[at % 2])} for at in range(10)
    ]
    process = batch.start(rows, "--parallel", "2")
    batch.asked(2)
    other.rmdir()
    batch.play(latency_ms=0)
    run = finished(process)
    assert run.code == 6, run
    last = batch.last()
    assert {row["number"] for row in last.values() if row["status"] == "success"} >= {
        2,
        4,
        6,
        8,
        10,
    }
    failed = [row for row in last.values() if row["status"] == "failed"]
    assert len(failed) in (4, 5)
    assert all(str(other) in row["error"] for row in failed), failed
    nothing_is_left(place)


@pytest.mark.parametrize("where", ["state", "logs"])
@pytest.mark.parametrize("take", [fill, crowd])
def test_rows_01_03_a_disk_that_fills_up_stops_the_batch_and_loses_nothing(
    batch, place, simulator, mounted, where, take
):
    folder = getattr(place, where)
    mounted(folder, "size=4m,nr_inodes=400")
    batch.play(latency_ms=400)
    process = batch.start(spread(12), "--parallel", "3")
    batch.asked(4)
    taken = take(folder)
    run = finished(process)
    batch.play(latency_ms=0)
    if run.code:
        assert run.code == 7, run
        assert "No space left on device" in run.err
    else:
        assert take is crowd  # lines that are added need no inode
    assert place.quiet(5.0) == []
    empty(taken)
    all_done(batch, batch.resume())
    assert batch.served() == 12


def test_row_65_a_configuration_edited_meanwhile_changes_nothing_of_the_batch(batch, place):
    batch.play(latency_ms=300)
    process = batch.start(spread(9), "--parallel", "3")
    batch.asked(3)
    for name in ("providers", "keywords", "agents", "prices"):
        (place.config / f"{name}.json").write_text("{", encoding="ascii")
    os.kill(batch.pids("work")[0], signal.SIGKILL)  # who comes after it reads it, too
    run = finished(process)
    assert run.code == 0, run
    assert Counter(row["provider"] for row in batch.rows()) == dict.fromkeys(PROVIDERS, 3)


def test_a_batch_that_runs_is_not_started_again(batch, place):
    batch.play(latency_ms=2500)
    process = batch.start(spread(3))
    batch.asked(3)
    again = batch.resume()
    assert again.code == 5, again
    (line,) = again.err.strip().splitlines()
    assert line.startswith("orchestrate: batch ")
    assert line.endswith("shows it")
    status = place.script("batch_runner.sh", "--status", "latest")
    assert (status.code, ": running; 3 running" in status.out) == (0, True), status
    all_done(batch, finished(process))


def test_gone_on_with_from_another_folder_its_paths_mean_the_same(batch, place):
    batch.play(faults=[{"kind": "hang"}])
    path = place.folder / "queue.json"
    path.write_text('["Fix the bug"]', encoding="ascii")
    words = (SCRIPT, "--yes", "--transport", "api", path)
    process = place.command("env", "-C", place.repo, *words)
    batch.asked(1)
    os.kill(process.pid, signal.SIGINT)
    assert finished(process).code == 130
    batch.play(faults=[])
    assert finished(place.command("env", "-C", "/", SCRIPT, "--resume", "latest")).code == 0
    assert {line["repository"] for line in place.decisions()} == {str(place.repo)}


# Tasks that share a call.

SMALL = ["Fix the bug", "Fix the typo", "Fix the name"]


def marked(*parts):
    """Write an answer of several parts, as it is asked for; None leaves one out."""
    mark = mark_of(SMALL)
    return "\n".join(
        f"=== {mark} {number} ===\n{text}\n=== {mark} end {number} ==="
        for number, text in enumerate(parts, 1)
        if text is not None
    )


@pytest.mark.parametrize(
    ("answer", "answers", "calls"),
    [
        (marked("a", "b\nb", "c"), ["a", "b\nb", "c"], 1),
        (f"Sure:\n{marked('a', None, 'c')}", ["a", None, "c"], 2),
        ("I can't do that.", [None, None, None], 4),
    ],
    ids=["whole", "one is missing", "none"],
)
def test_small_tasks_share_a_call_and_what_can_not_be_taken_apart_is_asked_alone(
    batch, simulator, answer, answers, calls
):
    simulator.play("codex", answer=answer)
    run = batch.run(SMALL, "--pack", "--provider", "codex")
    assert run.code == 0, run
    last = batch.last()
    assert [last[at]["answer"] for at in (1, 2, 3)] == [text or answer for text in answers]
    assert [last[at]["packed"] for at in (1, 2, 3)] == [3 if text else 1 for text in answers]
    assert simulator.books("codex")["requests"] == calls
    assert batch.summary()["cost_usd"] == pytest.approx(simulator.bill_usd(), abs=1e-5)


def test_what_would_share_a_call_and_finds_no_room_is_queued_task_by_task(batch, place):
    batch.play(faults=[LONG])
    run = batch.run(SMALL, "--pack", "--no-wait")
    assert run.code == 6, run
    lines = (place.logs / "deferred.jsonl").read_text("utf-8").splitlines()
    tasks = [row["task"] for row in map(json.loads, lines) if row["event"] == "queued"]
    assert sorted(tasks) == sorted(SMALL)


# Rows 47 to 52: clients that misbehave, in the middle of others.

EVENTS = (
    {"type": "thread.started", "thread_id": "1"},
    {"type": "item.completed", "item": {"type": "agent_message", "text": "Done by the client."}},
    {"type": "turn.completed", "usage": {"input_tokens": 900, "output_tokens": 12}},
)
SAYS = "cat <<'JSON'\n" + "\n".join(map(json.dumps, EVENTS)) + "\nJSON\n"


@pytest.fixture
def clients(place):
    """Put a script in the place of codex."""
    folder = place.folder / "clients of ours"
    folder.mkdir()
    place.environment["PATH"] = f"{folder}:{place.environment['PATH']}"

    def write(script):
        (folder / "codex").write_text(f"#!/usr/bin/env bash\n{script}", encoding="utf-8")
        (folder / "codex").chmod(0o755)
        return folder / "codex"

    return write


CLIENTS = {
    "missing after the first": (f'rm -- "$0"\n{SAYS}', ["success", "failed"]),
    "hangs": ("sleep 300\n", ["failed", "failed"]),
    "hangs, deaf": ("trap '' TERM INT HUP\nsleep 300 &\nsleep 300\n", ["failed", "failed"]),
    "exit 255": ("exit 255\n", ["failed", "failed"]),
    "killed": ("kill -KILL $$\n", ["failed", "failed"]),
    "a daemon that keeps stdout": (f"sleep 300 &\n{SAYS}", ["success", "success"]),
    "waits for stdin": (f"cat >/dev/null\nread -r more && exit 9\n{SAYS}", ["success", "success"]),
}


@pytest.mark.parametrize("case", CLIENTS)
def test_rows_47_52_a_client_that_misbehaves_keeps_no_other_task_from_its_end(
    batch, place, clients, case
):
    script, statuses = CLIENTS[case]
    clients(script)
    place.settings(attempts={"per_route": 1, "total": 2})
    own = {"provider": "codex", "transport": "cli", "timeout": 2}
    rows = [{"task": "Fix the bug", **own}, {"task": "Fix it", **own}, *spread(6)[1:3]]
    run = batch.run(rows, "--parallel", "1" if "first" in case else "4")
    last = batch.last()
    found = [last[at]["status"] for at in (1, 2, 3, 4)]
    assert found == [*statuses, "success", "success"], run
    assert run.code == (6 if "failed" in statuses else 0), run
    nothing_is_left(place)


# Row 62: few descriptors.


def test_row_62_with_few_descriptors_all_of_it_is_done(batch):
    under = ("bash", "-c", 'ulimit -n 40; exec "$@"', "bash")
    batch.play(latency_ms=50)
    all_done(batch, batch.run(spread(24), "--parallel", "8", under=under))
