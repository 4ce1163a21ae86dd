"""How long an upstream asks to wait: a header with a number or a date, or Gemini's body."""

import json
from email.utils import formatdate

import pytest
from world import NOW_MS

from orchestrator import records as r
from orchestrator.providers.refusals import from_status, retry_after_s

YEAR_S = 366 * 86_400


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": formatdate(NOW_MS / 1000 + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW_MS / 1000 - 30, usegmt=True)}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 22:00:30 +0000"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 99 Foo 2026 99:99:99 GMT"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "99999999"}, YEAR_S),  # no clock could name the moment
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_from_numbers_and_dates(headers, wait_s):
    expected = wait_s if wait_s is None else pytest.approx(wait_s)
    assert retry_after_s(headers, NOW_MS) == expected
    assert from_status(429, "", headers, NOW_MS).wait_s == expected


@pytest.mark.parametrize(
    ("details", "headers", "wait_s"),
    [
        ([{"retryDelay": "2s"}], {}, 2.0),
        ([{"retryDelay": "13.5s"}], {}, 13.5),
        ([{"@type": "x"}, {"retryDelay": "4s"}], {}, 4.0),
        ([{"retryDelay": "4s"}], {"retry-after": "9"}, 9.0),
        ([{"retryDelay": "4"}], {}, None),
        ([{"retryDelay": None}], {}, None),
        ([], {}, None),
        ("4s", {}, None),
        (5, {}, None),
        (["4s"], {}, None),
        ([{"violations": 5}, {"violations": ["x"]}, {"violations": [{"quotaId": 5}]}], {}, None),
    ],
)
def test_gemini_says_in_the_body_how_long_to_wait(details, headers, wait_s):
    body = json.dumps({"error": {"code": 429, "message": "it failed", "details": details}})
    failure = from_status(429, body, headers, NOW_MS)
    assert (failure.kind, failure.wait_s) == (r.RATE_LIMIT, wait_s)
