"""What the tests of disks share: filling one, a start refused before it is paid for, the next."""

import contextlib

from support import finished


def fill(folder):
    """Take every byte of a file system; returns the file that does."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(b"\0")
    return filler


def crowd(folder):
    """Take every inode of a file system; returns a folder that holds them."""
    crowded = folder / "crowd"
    crowded.mkdir()
    with contextlib.suppress(OSError):
        for number in range(10_000):
            (crowded / str(number)).touch()
    return crowded


def empty(taken):
    """Give it all back."""
    for path in sorted(taken.iterdir()) if taken.is_dir() else ():
        path.unlink()
    taken.rmdir() if taken.is_dir() else taken.unlink()


def refused(run, simulator, *named):
    """Check that a start ended before anything was paid for, in one line that names the place."""
    assert run.code == 7, run
    (line,) = run.err.strip().splitlines()
    assert line.startswith("orchestrate: ")
    for name in named:
        assert str(name) in line
    assert run.out == ""
    assert simulator.requests("codex") == []


def recorded(place, start, *outcomes):
    """Check that the next start records what came before it, once, and is a success itself."""
    run = finished(start())
    assert run.code == 0, run
    usages, decisions = place.usage_lines(), place.decisions()
    assert [line["outcome"] for line in usages] == [*outcomes, "ok"]
    assert len({line["attempt_id"] for line in usages}) == len(usages)
    assert len({line["task_id"] for line in decisions}) == len(decisions) >= len(usages)
    usage = place.usage("codex")
    assert usage["reservations"] == {}
    assert abs(usage["cost_today"] - sum(line["cost_usd"] for line in usages)) < 1e-6
    assert list((place.state / ".state" / "inflight").iterdir()) == []
