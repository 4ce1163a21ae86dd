"""SECURITY.md promises only what a test holds: each that it names is there."""

import re

import pytest


@pytest.fixture
def page(root):
    return (root / "SECURITY.md").read_text("utf-8")


def test_every_test_it_names_is_there(root, page):
    named = set(re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py|tests/\w+/\w+\.bats)`", page))
    assert len(named) > 15
    places = ("", "tests/faults/", "tests/clients/")
    missing = [name for name in named if not any((root / at / name).exists() for at in places)]
    assert missing == []


def test_every_threat_has_a_defence_and_a_test(page):
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 12
    assert all(len(row) == 5 and all(cell.strip() for cell in row[1:4]) for row in rows)
    assert all("test" in row[3] for row in rows)
