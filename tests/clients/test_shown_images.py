"""Pictures that go with a task: their bytes reach the upstream, whichever way the task goes."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from briefly import ONE_PROVIDER
from pictures import GIF, JPEG, PNG, WEBP
from support import PROVIDERS, finished, wait
from test_logins import log_in

HOSTILE = ("two words.png", "--version", "$(touch pwned).png", 'it\'s, "q"\n@.png', "木.png")


def seen(simulator, provider):
    """Return what pictures came with the last request for the task."""
    main = [request for request in simulator.requests(provider) if request["main"]]
    return [image["sha256"] for image in main[-1]["images"]]


def digests(*pictures):
    return [hashlib.sha256(data).hexdigest() for data in pictures]


def put(place, name, data):
    """Put a picture beside the repository; returns its path."""
    path = place.folder / "pictures" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("transport", ["cli", "api"])
def test_pictures_reach_the_upstream_byte_for_byte_in_their_order(
    place, simulator, provider, transport
):
    one, two = put(place, "one.png", PNG), put(place, "two.webp", WEBP)
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", transport,
        "--image", one, "--image", two, place.repo, "Compare the two",
    )  # fmt: skip
    assert run.code == 0, run
    assert [attempt["transport"] for attempt in run.attempts] == [transport]
    assert seen(simulator, provider) == digests(PNG, WEBP)
    assert run.line["attachments"]["images"][0] == {
        "media_type": "image/png",
        "bytes": len(PNG),
        "sha256": digests(PNG)[0],
    }
    assert list(place.temporary.iterdir()) == []


@pytest.mark.parametrize("provider", ONE_PROVIDER)
@pytest.mark.parametrize("data", [PNG, GIF, JPEG, WEBP], ids=["png", "gif", "jpeg", "webp"])
def test_each_kind_of_picture_is_shown_by_each_client(place, simulator, provider, data):
    path = put(place, "a picture without a suffix", data)
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "cli", "--image", path,
        place.repo, "Explain it",
    )  # fmt: skip
    assert run.code == 0, run
    if (provider, data) == ("codex", GIF):  # it sends another form of it
        assert len(seen(simulator, provider)) == 1
    else:
        assert seen(simulator, provider) == digests(data)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_name_of_a_picture_is_never_a_word_of_a_command(place, simulator, provider):
    paths = [put(place, name, PNG) for name in HOSTILE]
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "cli",
        *(f"--image={path}" for path in paths), place.repo, "Explain them",
    )  # fmt: skip
    assert run.code == 0, run
    assert seen(simulator, provider) == digests(PNG) * len(HOSTILE)
    assert list(place.folder.rglob("pwned")) == []
    told = json.dumps(simulator.requests(provider))
    assert "two words" not in told


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_login_is_shown_pictures_too_also_where_the_repository_ignores_them(
    place, simulator, provider
):
    log_in(place, provider, simulator.url)
    place.make_repository()
    for name in (".gitignore", ".geminiignore", ".claudeignore"):
        (place.repo / name).write_text("*\n", encoding="utf-8")
    path = put(place, "one.png", PNG)
    run = place.run(
        "--yes", "--json", "--provider", provider, "--image", path, place.repo, "Explain it"
    )
    assert run.code == 0, run
    assert [attempt["billing"] for attempt in run.attempts] == ["subscription"]
    assert seen(simulator, provider) == digests(PNG)


@pytest.mark.parametrize("transport", ["cli", "api"])
def test_a_turn_is_reserved_with_room_for_each_picture(place, simulator, transport):
    simulator.play("codex", faults=[{"kind": "hang"}])
    path, held = put(place, "one.png", PNG), []
    for words in ((), ("--image", path, "--image", path)):
        process = place.start(
            "--yes", "--json", "--provider", "codex", "--transport", transport,
            "--model", "gpt-5.4", *words, place.repo, "Explain it",
        )  # fmt: skip
        count = len(held) + 1
        assert wait(lambda count=count: len(simulator.requests("codex")) == count), process.kill()
        (reserved,) = place.usage("codex")["reservations"].values()
        held.append(reserved)
        process.terminate()
        assert finished(process).code == 143
    assert held[1]["tokens"] - held[0]["tokens"] == 2 * 10_000


def test_a_picture_that_changes_while_a_person_is_asked_is_not_sent(place, simulator):
    path = put(place, "one.png", PNG)
    terminal, stdin = os.openpty()
    process = place.start("--image", path, place.repo, "Explain it", stdin=stdin)
    os.close(stdin)
    told = iter(lambda: process.stderr.read(1), "")
    asked = ""
    while not asked.endswith("n): "):
        asked += next(told)
    put(place, "one.png", GIF)
    os.write(terminal, b"y\n")
    run = finished(process)
    os.close(terminal)
    assert run.code == 2, run
    assert f"{path}: changed since the decision; start again" in run.err
    assert simulator.requests() == []
    (line,) = place.decisions()
    assert line["execution_metrics"]["status"] == "failed"
    assert list(place.temporary.iterdir()) == []


def test_a_task_that_waits_names_its_picture_from_the_root(place, simulator):
    path = put(place, "one.png", PNG)
    relative = path.relative_to(place.folder)
    place.settings(attempts={"per_route": 1, "total": 8})
    for name in PROVIDERS:
        simulator.play(name, faults=[{"kind": "status", "status": 503}])
    run = place.run("--yes", "--json", "--image", relative, place.repo, "Explain it")
    assert run.metrics["status"] == "deferred", run
    (waiting,) = (place.logs / "deferred.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(waiting)["options"]["image"] == [str(path)]


def test_what_is_no_picture_is_refused_before_anything_is_decided(place, simulator):
    path = put(place, "one.png", b"<svg/>")
    for words in (("-n",), ("--yes",)):
        run = place.run(*words, "--image", path, place.repo, "Explain it")
        assert run.code == 2, run
        assert f"--image {path}: is no PNG" in run.err
        assert "Traceback" not in run.err
    assert place.decisions() == []
    assert simulator.requests() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_folder_for_temporary_files_that_no_client_could_name_a_picture_in_is_refused(
    place, simulator, provider
):
    odd = Path(place.temporary) / "a,b#c"
    odd.mkdir()
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "cli",
        "--image", put(place, "one.png", PNG), place.repo, "Explain it",
        environment={"TMPDIR": str(odd)},
    )  # fmt: skip
    assert run.code == 1, run
    assert "TMPDIR" in run.metrics["error"]
    assert simulator.requests(provider) == []
