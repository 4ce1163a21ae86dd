"""Reading the logs for a report: all their parts, and no line that is unsound."""

import gzip
import json
import os
import shutil
import subprocess
import threading
import time

import pytest
import reports
from reports import decision, made, usage, write
from world import NOW_MS

from orchestrator.errors import StorageError, UnsoundLogError, UsageError
from orchestrator.insight import report_log
from orchestrator.state import logfile
from orchestrator.state.journal import DECISIONS, USAGE


def add(path, text):
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def folder(tmp_path):
    return reports.logs(tmp_path / "my [logs]*", [usage("t1", cost_usd=1), usage("t2", cost_usd=2)])


def compressed(path, ending):
    if ending == ".gz":
        path.with_name(path.name + ending).write_bytes(gzip.compress(path.read_bytes()))
    elif shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    else:
        subprocess.run(["zstd", "-q", path, "-o", f"{path}{ending}"], check=True)
    path.unlink()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", ["provider_usage.jsonl.1", "provider_usage.jsonl-20261101"])
def test_a_rotated_part_counts_compressed_or_not(folder, name, ending):
    write(folder / name, [usage("t0", cost_usd=4)])
    if ending:
        compressed(folder / name, ending)
    assert made(folder)["total_cost_usd"] == 7


NAMES = [
    ("provider_usage-2026-10.jsonl", True),
    ("provider_usage.2.jsonl", True),
    ("provider_usage.jsonl.lock", False),
    ("provider_usage.jsonl.123.0a1b2c3d.tmp", False),
    ("provider_usages.jsonl", False),
    ("my_provider_usage.jsonl", False),
    ("provider_usage.csv", False),
]


@pytest.mark.parametrize(("name", "counts"), NAMES)
def test_a_part_is_known_by_its_name(folder, name, counts):
    write(folder / name, [usage("t0", cost_usd=4)])
    assert made(folder)["total_cost_usd"] == (7 if counts else 3)


def test_a_part_that_is_being_compressed_counts_once(folder):
    path = write(folder / "provider_usage.jsonl.1", [usage("t0", cost_usd=4)])
    kept = path.read_bytes()
    compressed(path, ".gz")
    path.write_bytes(kept)
    document = made(folder)
    assert document["total_cost_usd"] == 7
    assert str(path) in document["logs"]


def test_an_empty_part_is_none(folder):
    (folder / "provider_usage.jsonl.1").write_bytes(b"")
    assert made(folder)["total_cost_usd"] == 3


def test_a_log_by_its_own_path_brings_the_decisions_beside_it(folder):
    document = made(folder / USAGE)
    assert document["logs"] == [str(folder / USAGE), str(folder / DECISIONS)]
    assert document["by_agent"][0]["agent"] == "coder"


def test_without_decisions_the_money_is_all_there(folder):
    (folder / DECISIONS).unlink()
    document = made(folder)
    assert (document["total_cost_usd"], document["by_agent"][0]["agent"]) == (3, "-")


@pytest.mark.parametrize(("data", "what"), [(None, "is missing"), (b"", "is empty")])
def test_a_missing_or_an_empty_log_is_named(folder, data, what):
    (folder / USAGE).unlink()
    if data is not None:
        (folder / USAGE).write_bytes(data)
    with pytest.raises(UsageError) as told:
        made(folder)
    assert str(told.value).startswith(f"{folder / USAGE}: {what}; ")


def broken(**changes):
    return json.dumps(usage("bad", **changes)) + "\n"


UNSOUND = {
    "torn in the middle": ('{"schema": 1, "timest\n', "it is not JSON"),
    "two records in a line": (broken().strip() + broken(), "it is not JSON"),
    "a block of NUL": (b"\0" * 64 + b"\n", "it is not JSON"),
    "no UTF-8": (b'{"provider": "\xff"}\n', "it is not JSON"),
    "a list": ("[1]\n", "it is not a JSON object"),
    "a number": ("5\n", "it is not a JSON object"),
    "a newer schema": (broken(schema=2), "schema is 2; newer than 1"),
    "a schema that is text": (broken(schema="x"), 'schema is "x"'),
    "a currency string": (broken(cost_usd="$0.51"), 'cost_usd is "$0.51"; a number belongs there'),
    "a number as text": (broken(cost_usd="0.51"), 'cost_usd is "0.51"; a number belongs there'),
    "money below nothing": (broken(cost_usd=-1), "cost_usd is -1; it has to be from 0 to 999999"),
    "too much money": (broken(cost_usd=1e9), "cost_usd is 1000000000.0"),
    "no number at all": (broken(cost_usd=float("nan")), "it is not JSON"),
    "true money": (broken(cost_usd=True), "cost_usd is true; a number belongs there"),
    "tokens as text": (broken(input_tokens="12"), 'input_tokens is "12"; a number belongs there'),
    "tokens as a list": (broken(input_tokens=[1]), "input_tokens is [1]; a number belongs there"),
    "tokens below nothing": (broken(output_tokens=-5), "output_tokens is -5"),
    "success as text": (broken(success="maybe"), 'success is "maybe"; true or false'),
    "no moment": (broken(timestamp=None), "timestamp is missing; it has to be there"),
    "a moment that is none": (broken(timestamp="today"), 'timestamp is "today"; a moment like'),
    "a day that is none": (broken(booked_day="Friday"), 'booked_day is "Friday"; a day like'),
}


@pytest.mark.parametrize("kind", UNSOUND)
@pytest.mark.parametrize("name", [USAGE, f"{USAGE}.1"])
def test_an_unsound_line_is_named_with_its_file_and_number(folder, kind, name):
    text, reason = UNSOUND[kind]
    path = folder / name
    if name != USAGE:
        write(path, [usage("t0"), usage("t00")])
    add(path, "\n")  # an empty line is none, and is counted
    add(path, text)
    add(path, broken(cost_usd=1))
    with pytest.raises(UnsoundLogError) as told:
        made(folder)
    assert str(told.value).startswith(f"{path}: line 4: {reason}"), told.value
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 8


WRONG_DECISIONS = [
    ({"schema": 9}, "schema is 9; newer than 1"),
    ({"recommendation": {"cost_estimate": "$0.51"}}, 'recommendation.cost_estimate is "$0.51"'),
    ({"execution_metrics": 5}, "execution_metrics.status is 5; execution_metrics has to be"),
    ({"task_classification": {"complexity": "high"}}, 'task_classification.complexity is "high"'),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG_DECISIONS)
def test_an_unsound_decision_line_is_named_too(folder, changes, reason):
    write(folder / DECISIONS, [decision("t1"), decision("t2", **changes)])
    with pytest.raises(UnsoundLogError) as told:
        made(folder)
    assert str(told.value).startswith(f"{folder / DECISIONS}: line 2: {reason}"), told.value


def test_an_unsound_line_of_long_ago_ends_the_report_as_well(folder):
    add(folder / USAGE, broken(booked_day="2020-01-01", cost_usd="$1"))
    with pytest.raises(UnsoundLogError, match="line 3"):
        made(folder)


def test_a_torn_end_is_named_and_a_whole_line_without_its_end_counts(folder):
    add(folder / USAGE, broken(cost_usd=4).rstrip("\n"))
    assert made(folder)["total_cost_usd"] == 7
    add(folder / USAGE, "\n" + broken()[:40])
    with pytest.raises(UnsoundLogError, match="line 4: it is not JSON"):
        made(folder)


def test_a_line_that_is_just_being_written_is_waited_for(folder):
    whole = broken(cost_usd=4)
    add(folder / USAGE, whole[:40])
    writer = threading.Timer(0.2, add, (folder / USAGE, whole[40:]))
    writer.start()
    try:
        assert made(folder)["total_cost_usd"] == 7
    finally:
        writer.join()


def test_reports_while_others_write_hold_whole_lines_alone(folder):
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            logfile.append(str(folder / USAGE), usage("live", cost_usd=1), fsync=False)
            time.sleep(0.001)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = [made(folder) for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    costs = [document["total_cost_usd"] for document in seen]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]
    for document in seen:
        assert document["total_requests"] == document["total_cost_usd"] - 1


def test_a_log_that_is_renamed_between_listing_and_opening_is_read_whole(folder, monkeypatch):
    listed = report_log.paths
    calls = []

    def rotating(path):
        found = listed(path)
        calls.append(path)
        if len(calls) == 2:  # listed, and about to be opened
            os.rename(folder / USAGE, folder / f"{USAGE}.1")
            write(folder / USAGE, [usage("t3", cost_usd=4)])
        return found

    monkeypatch.setattr(report_log, "paths", rotating)
    with report_log.parts(str(folder / USAGE)) as parts:
        assert sorted(os.path.basename(p.path) for p in parts) == [USAGE, f"{USAGE}.1"]


def test_a_compressed_part_that_is_broken_is_named(folder):
    path = write(folder / "provider_usage.jsonl.1", [usage(f"t{n}") for n in range(200)])
    data = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name("provider_usage.jsonl.1.gz").write_bytes(data[:-20])
    with pytest.raises(UnsoundLogError, match=r"provider_usage\.jsonl\.1\.gz: can't be unpacked"):
        made(folder)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_row_27_what_is_no_file_of_ours_is_refused(folder, tmp_path, kind):
    path = folder / "provider_usage.jsonl.1"
    if kind == "link":
        path.symlink_to(write(tmp_path / "theirs", [usage("t0")]))
    else:
        os.mkfifo(path)
    with pytest.raises(StorageError, match=r"provider_usage\.jsonl\.1"):
        made(folder)


def test_nothing_is_left_behind(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    before = sorted(folder.iterdir())
    open_before = len(os.listdir("/proc/self/fd"))
    made(folder, now_ms=NOW_MS)
    assert sorted(folder.iterdir()) == before
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) <= open_before
