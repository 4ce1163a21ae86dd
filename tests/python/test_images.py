"""Pictures: known by their bytes, refused in one line, written as each dialect writes them."""

import os

import pytest
from pictures import GIF, JPEG, PNG, WEBP
from test_parameters import ADDRESSES, EXPECTED, route_of

from orchestrator.errors import UsageError
from orchestrator.providers import api, attachments, images
from orchestrator.providers.images import Image
from orchestrator.providers.process import Deadlines
from orchestrator.providers.prompt import prompt_of
from orchestrator.records import Wishes

MOST = 4096


def kept(tmp_path, data, name="a picture"):
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (GIF.replace(b"89a", b"87a"), "image/gif"),
        (WEBP, "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_first_bytes_whatever_its_name(tmp_path, data, media_type):
    assert images.read(kept(tmp_path, data, "it.txt"), MOST) == Image(media_type, data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"<svg/>", "is no PNG, JPEG, GIF or WebP"),
        (b"\x89PNG\n", "is no PNG"),
        (b"GIF88a" + bytes(9), "is no PNG"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is no PNG"),
        (PNG + bytes(MOST), "is over 4,096 bytes"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_name(tmp_path, data, why):
    path = kept(tmp_path, data)
    with pytest.raises(UsageError, match=why) as refused:
        images.read(path, MOST)
    assert str(refused.value).startswith(f"--image {path}: ")
    assert "\n" not in str(refused.value)


def test_a_picture_of_just_the_most_bytes_is_taken(tmp_path):
    data = PNG + bytes(MOST - len(PNG))
    assert images.read(kept(tmp_path, data), MOST).data == data


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (str, "No such file"),
        (os.mkdir, "Is a directory"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: os.symlink("/dev/zero", path), "is not a regular file"),
        (lambda path: os.symlink(path, path), "symbolic links"),
    ],
    ids=["nothing", "folder", "fifo", "device", "loop"],
)
def test_what_is_no_file_is_refused_and_not_waited_on(tmp_path, make, why):
    path = str(tmp_path / "it.png")
    make(path)
    with pytest.raises(UsageError, match=why):
        images.read(path, MOST)


def test_a_path_that_no_system_has_is_refused():
    with pytest.raises(UsageError, match="null byte"):
        images.read("a\0b", MOST)


@pytest.mark.parametrize("dialect", EXPECTED)
def test_each_dialect_carries_the_bytes_of_the_pictures_and_the_task(shipped, sim, dialect):
    route = route_of(shipped, dialect, ())
    url = f"http://127.0.0.1:{sim.port}"
    environment = dict.fromkeys(ADDRESSES, url) | {"OPENAI_COMPATIBLE_BASE_URL": url}
    given = (Image("image/png", PNG), Image("image/jpeg", JPEG))
    prompt = prompt_of(shipped, route, environment, "Be brief.", "Compare them", given)
    reading = api.reading_of(dialect)
    list(api.call(prompt, route.transport, environment, Deadlines(1e9, 10.0, 10.0), reading))
    assert reading.outcome().failure is None
    (request,) = sim.requests()
    expected = [image.facts for image in given]
    assert request["images"] == [{k: one[k] for k in ("bytes", "sha256")} for one in expected]
    assert request["prompt"] == "Compare them"


def test_the_shipped_size_fits_what_the_strictest_api_takes_as_base64(shipped):
    most = shipped.settings["max_image_bytes"]
    assert len(Image("image/png", bytes(most)).base64) <= 5 * 1024 * 1024


def test_a_file_that_changed_after_the_decision_is_not_what_was_decided_on(tmp_path, shipped):
    path = kept(tmp_path, PNG)
    wishes, settings = Wishes(image=(path,)), shipped.settings
    decided = attachments.read(wishes, settings, {}).facts
    assert attachments.again(wishes, settings, {}, decided).images[0].data == PNG
    kept(tmp_path, GIF)
    with pytest.raises(UsageError, match="changed since the decision; start again"):
        attachments.again(wishes, settings, {}, decided)
    os.unlink(path)
    with pytest.raises(UsageError, match="No such file"):
        attachments.again(wishes, settings, {}, decided)


def test_nothing_of_a_file_is_in_what_the_log_is_told(tmp_path, shipped):
    facts = attachments.read(Wishes(image=(kept(tmp_path, PNG),)), shipped.settings, {}).facts
    assert set(facts["images"][0]) == {"media_type", "bytes", "sha256"}
    assert str(tmp_path) not in str(facts)


def test_files_are_named_from_the_root_for_whoever_runs_the_task_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wishes = attachments.absolute(Wishes(image=("one.png",), mcp_config="tools.json"))
    assert wishes.image == (f"{tmp_path}/one.png",)
    assert wishes.mcp_config == f"{tmp_path}/tools.json"
    assert attachments.absolute(Wishes()) == Wishes()
