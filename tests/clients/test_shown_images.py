"""Pictures that go with a task: their bytes reach the upstream, whichever way the task goes."""

import hashlib
import json
from pathlib import Path

import pytest
from pictures import GIF, JPEG, PNG, WEBP
from support import PROVIDERS
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


@pytest.mark.parametrize("provider", PROVIDERS)
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
