"""Rows 6 to 9: a folder of logs or state that is read-only, immutable, missing, or a file."""

import os
import shutil
import stat
import subprocess

import pytest
from disks import recorded, refused
from support import finished

WHERE = ("logs", "state")
WORDS = ("--yes", "--quiet", "--provider", "codex", "--transport", "api")


@pytest.fixture
def immutable():
    """Make a folder or a file immutable until the end, also for root."""
    made = []
    if shutil.which("chattr") is None:
        pytest.skip("chattr is not installed: nothing can be made immutable")

    def change(path):
        done = subprocess.run(["chattr", "+i", path], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"only root may, on ext4 and its like: {done.stderr.strip()}")
        made.append(path)

    yield change
    for path in made:
        subprocess.run(["chattr", "-i", path], check=True)


@pytest.mark.parametrize("where", WHERE)
def test_row_06_a_read_only_folder_is_told_before_a_call(
    place, simulator, mounted, disturbed, where
):
    folder = getattr(place, where)
    mounted(folder, "size=1m")
    change = ["mount", "-o", "remount,ro", folder]
    subprocess.run(change, check=True)
    refused(finished(disturbed()), simulator, folder, "Read-only file system")
    subprocess.run([*change[:2], "remount,rw", folder], check=True)
    recorded(place, disturbed)


@pytest.mark.parametrize("where", WHERE)
def test_row_06_a_folder_that_becomes_read_only_during_a_call_does_not_lose_the_answer(
    place, simulator, mounted, disturbed, where
):
    folder = getattr(place, where)
    mounted(folder, "size=1m")
    simulator.play("codex", latency_ms=1500)
    process = disturbed()
    while not simulator.requests("codex"):
        assert process.poll() is None
    # Lazily, as a bind mount over it: files that are open keep the mount itself writable.
    made = subprocess.run(["mount", "--bind", folder, folder], check=False)
    assert made.returncode == 0
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    run = finished(process)
    subprocess.run(["umount", folder], check=True)
    simulator.play("codex", latency_ms=0)
    assert run.code == 7, run
    (line,) = run.err.strip().splitlines()
    assert "Read-only file system" in line
    assert str(folder) in line
    assert run.line["result"]
    recorded(place, disturbed, "ok")


@pytest.mark.parametrize("where", WHERE)
def test_row_07_an_immutable_folder_is_told_before_a_call(
    place, simulator, immutable, disturbed, where
):
    folder = getattr(place, where)
    folder.mkdir()
    immutable(folder)
    refused(finished(disturbed()), simulator, folder, "Operation not permitted")


@pytest.mark.parametrize("name", ["provider_usage.jsonl", "provider_recommendations.jsonl"])
def test_row_07_an_immutable_log_is_told_before_a_call(
    place, simulator, immutable, disturbed, name
):
    assert finished(disturbed()).code == 0
    simulator.clear()
    immutable(place.logs / name)
    refused(finished(disturbed()), simulator, place.logs / name, "Operation not permitted")
    assert len(place.usage_lines()) == 1


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_row_08_missing_folders_are_made_private(place, umask):
    place.environment["ORCHESTRATE_LOGS"] = str(place.folder / "deep down" / "logs")
    place.environment["ORCHESTRATE_STATE"] = str(place.folder / "deep down" / "state")
    before = os.umask(umask)
    try:
        run = place.run(*WORDS, str(place.repo), "Fix the bug")
    finally:
        os.umask(before)
    assert run.code == 0, run
    modes = {}
    for path in (place.folder / "deep down").rglob("*"):
        modes.setdefault(path.is_dir(), set()).add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {True: {0o700}, False: {0o600}}
    assert stat.S_IMODE((place.folder / "deep down").stat().st_mode) == 0o700


@pytest.mark.parametrize("inside", ["", "below"])
@pytest.mark.parametrize("where", WHERE)
def test_row_09_a_file_in_place_of_a_folder_is_told_before_a_call(
    place, simulator, disturbed, where, inside
):
    file = getattr(place, where)
    file.write_text("mine", encoding="ascii")
    place.environment[f"ORCHESTRATE_{where.upper()}"] = str(file / inside)
    refused(finished(disturbed()), simulator, file)
    assert file.read_text(encoding="ascii") == "mine"
