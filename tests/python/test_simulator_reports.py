"""The simulated usage reports: behind their key, in buckets, page by page."""

import json
import time

import pytest

OPENAI, ANTHROPIC = "/v1/organization/usage/completions", "/v1/organizations/usage_report/messages"
GOOGLE = "/v1beta1/projects/p/services/s/consumerQuotaMetrics"
DAY_S = 86_400
BEARER = {"Authorization": "Bearer admin"}
HEADERS = {"codex": BEARER, "gemini": BEARER}
HEADERS["claude"] = {"x-api-key": "admin", "anthropic-version": "2023-06-01"}


@pytest.fixture
def get(sim):
    def ask(provider, path):
        status, _, body = sim.ask("GET", path, headers=HEADERS[provider])
        return status, json.loads(body)

    for provider in HEADERS:
        sim.play(provider, admin_key="admin")
    return ask


def test_without_its_key_a_report_is_refused(sim, get):
    now = int(time.time())
    assert get("codex", f"{OPENAI}?start_time={now}")[0] == 200
    assert sim.ask("GET", f"{OPENAI}?start_time={now}")[0] == 401
    assert sim.ask("GET", GOOGLE, headers={"Authorization": "Bearer other"})[0] == 401
    assert (
        sim.ask("GET", f"{ANTHROPIC}?starting_at=2026-11-20", headers={"x-api-key": "admin"})[0]
        == 401
    )
    sim.play("codex", admin_key=None)
    assert get("codex", f"{OPENAI}?start_time={now}")[0] == 401


@pytest.mark.parametrize(
    "query", ["", "start_time=x", "start_time=0&limit=32", "start_time=0&bucket_width=1w"]
)
def test_a_request_the_provider_would_not_take_is_not_taken(get, query):
    assert get("codex", f"{OPENAI}?{query}")[0] == 400


def test_buckets_come_in_pages_and_hold_what_was_served_and_used_outside(sim, get):
    sim.prompt("codex")
    sim.play("codex", outside_tokens=40, outside_requests=3)
    start = int(time.time()) - 9 * DAY_S
    _, first = get("codex", f"{OPENAI}?start_time={start}&limit=6")
    assert (first["object"], len(first["data"]), first["has_more"]) == ("page", 6, True)
    _, second = get("codex", f"{OPENAI}?start_time={start}&limit=6&page={first['next_page']}")
    assert (second["has_more"], second["next_page"]) == (False, None)
    buckets = first["data"] + second["data"]
    starts = [bucket["start_time"] for bucket in buckets]
    assert starts == sorted(set(starts))
    assert {end["end_time"] - end["start_time"] for end in buckets} == {DAY_S}
    (told,) = [result for bucket in buckets for result in bucket["results"]]
    books = sim.books("codex")
    assert told["num_model_requests"] == books["billed_requests"] + 3
    assert told["input_tokens"] == books["input_tokens"] + 40


def test_a_reset_clears_the_reports_too(sim, get):
    get("gemini", GOOGLE)
    assert len(json.loads(sim.ask("GET", "/_sim/reports")[2])) == 1
    sim.ask("POST", "/_sim/reset", {})
    assert json.loads(sim.ask("GET", "/_sim/reports")[2]) == []
