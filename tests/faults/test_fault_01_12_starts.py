"""Rows 1 to 12 on whole starts of ./orchestrate.sh: a call fails, or its process dies before it."""

import shutil
from collections import Counter

import pytest
from support import finished
from sweeping import CODES, EVERY, FIRST

WORDS = ("--yes", "--quiet", "--provider", "codex", "--transport", "api")
# These are made on state and logs alone; those are made on everything, and fail on files of ours.
RARE = ("fsync", "fdatasync", "renameat2", "unlink", "flock", "ftruncate", "mkdir")
COMMON = ("openat", "write", "close")
FAULTS = ("error=ENOSPC", "error=EIO", "signal=SIGKILL")


def traced(place, calls, *options):
    """Start a task under strace; returns how it ended and the calls made."""
    trace = place.folder / "strace"
    logs = (place.logs / f"provider_{name}.jsonl" for name in ("usage", "recommendations"))
    ours = [place.state / "codex_usage.json", place.state / ".state" / "usage.lock"]
    ours += [name for log in logs for name in (log, log.with_name(f"{log.name}.lock"))]
    paths = [word for name in ours for word in ("-P", str(name))] if calls is COMMON else []
    under = ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={','.join(calls)}", *paths]
    under += [word for option in options for word in ("-e", option)]
    run = finished(place.start(*WORDS, str(place.repo), "Fix the bug", under=under))
    made = Counter(tuple(row.split()[:2]) for row in trace.read_text(errors="replace").splitlines())
    most = Counter()
    for (_, call), times in made.items():
        most[call.partition("(")[0]] |= times
    return run, most


def points(place):
    """List what can fail: (calls, name, k, fault)."""
    found = []
    for calls in (RARE, COMMON):
        run, made = traced(place, calls)
        assert run.code == 0, run
        found += [
            (calls, name, k + 1, fault)
            for name in calls
            for k in range(made[name])
            for fault in FAULTS
        ]
    return found


def begin_anew(place, simulator):
    for folder in (place.state, place.logs):
        shutil.rmtree(folder, ignore_errors=True)
    simulator.clear()


def hold(place, simulator, run):
    """Check what must hold after a start that was disturbed, and after the next."""
    assert place.quiet() == []
    killed = run.code in {-9, 137}
    assert killed or run.code in CODES, run
    if not killed:
        told = run.err.strip().splitlines()
        assert len(told) == (run.code != 0), run
        assert all(line.startswith("orchestrate: ") for line in told)
        served = [row for row in simulator.requests("codex") if row["status"] == 200]
        assert bool(run.out.strip()) == bool(served), run
    again = place.run(*WORDS, str(place.repo), "Fix the next bug")
    assert again.code == 0, again
    for lines, key in ((place.decisions(), "task_id"), (place.usage_lines(), "attempt_id")):
        names = [line[key] for line in lines]
        assert len(set(names)) == len(names)
    usage = place.usage("codex")
    assert usage["reservations"] == {}
    assert list((place.state / ".state" / "inflight").iterdir()) == []
    assert len(simulator.requests("codex")) <= len(place.usage_lines())
    assert usage["cost_today"] >= simulator.bill_usd() - 1e-6
    spent = sum(line["cost_usd"] for line in place.usage_lines())
    assert usage["cost_today"] == pytest.approx(spent, abs=1e-6)


@pytest.mark.parametrize(
    "every",
    [
        pytest.param(EVERY, id="every 20th call"),
        pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(3600)], id="every call"),
    ],
)
def test_rows_01_12_a_start_whose_call_fails_is_put_right_by_the_next(place, simulator, every):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls can't be made to fail")
    every_point = points(place)
    chosen = every_point if every == 1 else every_point[FIRST % every :: every]
    print(f"{len(chosen)} of {len(every_point)} points, from {FIRST % every}")
    for calls, name, k, fault in chosen:
        begin_anew(place, simulator)
        run, _ = traced(place, calls, f"inject={name}:{fault}:when={k}")
        try:
            hold(place, simulator, run)
        except BaseException as error:
            error.add_note(f"{fault} at {name} number {k}")
            raise
