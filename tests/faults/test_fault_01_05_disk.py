"""Rows 1 to 5: a disk that is full, has no inodes, or takes only files so large.

Calls of the system that fail with ENOSPC or EIO, one after the other: test_fault_10_12_kills.py.
"""

import resource

import pytest
from disks import crowd, empty, fill, recorded, refused
from support import finished, wait

SMALL = {"space": ("size=192k", fill), "inodes": ("size=4m,nr_inodes=40", crowd)}
FULL = "No space left on device"


@pytest.mark.parametrize("what", SMALL)
@pytest.mark.parametrize("where", ["state", "logs"])
def test_rows_01_03_a_full_disk_is_told_before_anything_is_paid_for(
    place, simulator, mounted, disturbed, where, what
):
    folder, (options, take) = getattr(place, where), SMALL[what]
    mounted(folder, options)
    taken = take(folder)
    refused(finished(disturbed()), simulator, folder, FULL)
    refused(finished(disturbed()), simulator, folder, FULL)
    empty(taken)
    recorded(place, disturbed)


@pytest.mark.parametrize("what", SMALL)
@pytest.mark.parametrize("where", ["state", "logs"])
def test_rows_01_03_a_disk_that_fills_up_during_a_call_does_not_lose_the_answer(
    place, simulator, mounted, disturbed, where, what
):
    folder, (options, take) = getattr(place, where), SMALL[what]
    mounted(folder, options)
    assert finished(disturbed()).code == 0
    simulator.play("codex", latency_ms=1500)
    process = disturbed()
    assert wait(lambda: len(simulator.requests("codex")) == 2)
    taken = take(folder)
    run = finished(process)
    simulator.play("codex", latency_ms=0)
    if (where, what) == ("logs", "inodes"):  # a line needs none
        assert run.code == 0, run
    else:
        assert run.code == 7, run
        (line,) = run.err.strip().splitlines()
        assert str(folder) in line
        assert FULL in line
    assert run.line["result"]
    if where == "logs":
        assert place.usage("codex")["reservations"] == {}
    empty(taken)
    recorded(place, disturbed, "ok", "ok")


@pytest.mark.parametrize("where", ["logs", "state"])
def test_row_05_a_file_size_limit_is_told_before_anything_is_paid_for(
    place, simulator, disturbed, where
):
    place.logs.mkdir()
    log = place.logs / "provider_usage.jsonl"
    if where == "logs":
        log.write_text("{}\n" * 90_000, encoding="ascii")
    limited = ("bash", "-c", f'ulimit -f {280 if where == "logs" else 16}; exec "$@"', "bash")
    named = (log, "ulimit -f") if where == "logs" else ("ulimit -f",)
    refused(finished(disturbed(under=limited)), simulator, *named)
    if where == "logs":
        assert log.stat().st_size == 270_000


def test_row_05_a_line_that_only_fits_in_part_is_taken_back_and_written_later(
    place, simulator, disturbed
):
    place.logs.mkdir()
    log = place.logs / "provider_usage.jsonl"
    log.write_text("{}\n" * 90_000, encoding="ascii")
    simulator.play("codex", latency_ms=1500)
    process = disturbed()
    assert wait(lambda: simulator.requests("codex"))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (270_100, resource.RLIM_INFINITY))
    run = finished(process)
    simulator.play("codex", latency_ms=0)
    assert run.code == 7, run
    assert "provider_usage.jsonl: File too large" in run.err
    assert run.line["result"]
    assert log.stat().st_size == 270_000
    assert place.usage("codex")["reservations"] == {}
    log.write_bytes(b"")  # rotated
    recorded(place, disturbed, "ok")


def test_rows_01_05_a_transcript_that_finds_no_room_costs_neither_the_task_nor_its_record(
    place, simulator, mounted
):
    runs = place.logs / "runs"
    mounted(runs, "size=64k")
    fill(runs)
    words = ("--yes", "--provider", "codex", "--transport", "api", str(place.repo), "Fix the bug")
    run = place.run(*words)
    assert run.code == 0, run
    assert run.out.strip()
    assert f"the transcript ends early: {runs}" in run.err
    assert FULL in run.err
    assert [line["outcome"] for line in place.usage_lines()] == ["ok"]
