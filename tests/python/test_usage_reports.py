"""The providers' usage reports: their documented shapes as figures, asked over real HTTP."""

import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from world import NOW_MS

from orchestrator import clock
from orchestrator.errors import TryLaterError
from orchestrator.providers import usage_anthropic, usage_apis, usage_google, usage_openai
from orchestrator.providers.usage_report import Wanted

KEY = "sk-admin-simulated0q7w5e3r1t9y2u4i6"
DAY_MS = 86_400_000
MIDNIGHT_MS = NOW_MS // DAY_MS * DAY_MS
TODAY = Wanted("cost_usd", None, "day", MIDNIGHT_MS, NOW_MS, days=True)
PAGE = {"has_more": False, "next_page": None}
ADDRESS = {"usage_url": "usage", "cost_url": "cost", "limits_url": "limits", "service": "s"}


def answering(**pages):
    """Make a fetch that answers these, and the queries it got."""
    asked = []

    def fetch(query):
        asked.append(query)
        return pages[query.url]

    return fetch, asked


def openai(*rows):
    buckets = [{"object": "bucket", "results": list(rows)}, {"object": "bucket", "results": []}]
    return [{"object": "page", "data": buckets, **PAGE}]


def anthropic(*rows):
    return [{"data": [{"starting_at": "", "results": list(rows)}], **PAGE}]


def cost(value, currency="usd"):
    return {"amount": {"value": value, "currency": currency}, "line_item": None}


def test_openai_tells_dollars_by_utc_days():
    fetch, asked = answering(cost=openai(cost(0.06), cost("1.5"), cost(1e-7)))
    assert usage_openai.figure(ADDRESS, TODAY, fetch) == (1_560_001, None)
    params = dict(asked[0].params)
    assert (params["start_time"], params["bucket_width"]) == (str(MIDNIGHT_MS // 1000), "1d")


def test_openai_counts_cached_tokens_in_its_input_and_requests_apart():
    row = {"input_tokens": 1000, "input_cached_tokens": 800, "output_tokens": 500}
    fetch, asked = answering(usage=openai(row | {"num_model_requests": 5}, row))
    hours = Wanted("tokens", 18_000, None, NOW_MS - 18_000_000, NOW_MS, days=False)
    assert usage_openai.figure(ADDRESS, hours, fetch) == (3000, None)
    assert usage_openai.figure(ADDRESS, hours._replace(metric="requests"), fetch) == (5, None)
    assert dict(asked[0].params)["bucket_width"] == "1m"
    assert asked[0] == asked[1]  # one request serves both rows


def test_anthropic_tells_cents_as_text_and_every_kind_of_token_apart():
    fetch, _ = answering(
        cost=anthropic(
            {"amount": "123.78912", "currency": "USD"}, {"amount": "0.00001", "currency": "USD"}
        ),
        usage=anthropic(
            {
                "uncached_input_tokens": 1500,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": 1000,
                    "ephemeral_5m_input_tokens": 500,
                },
                "cache_read_input_tokens": 200,
                "output_tokens": 500,
                "server_tool_use": {"web_search_requests": 10},
            }
        ),
    )
    assert usage_anthropic.figure(ADDRESS, TODAY, fetch) == (1_237_892, None)
    tokens = TODAY._replace(metric="tokens")
    assert usage_anthropic.figure(ADDRESS, tokens, fetch) == (3700, None)
    assert usage_anthropic.figure(ADDRESS, TODAY._replace(metric="requests"), fetch) is None


def test_what_credits_outweigh_has_cost_nothing():
    fetch, _ = answering(cost=openai(cost(1.0), cost(-2.5)))
    assert usage_openai.figure(ADDRESS, TODAY, fetch) == (0, None)


@pytest.mark.parametrize("report", [usage_openai, usage_anthropic])
def test_a_bill_by_utc_days_tells_nothing_of_a_day_elsewhere(report):
    fetch, asked = answering()
    assert report.figure(ADDRESS, TODAY._replace(days=False), fetch) is None
    assert asked == []


def series(metric, *amounts):
    return {
        "metric": {"labels": {"quota_metric": f"generativelanguage.googleapis.com/{metric}"}},
        "points": [{"value": {"int64Value": str(amount)}} for amount in amounts],
    }


def quota(metric, unit, limit):
    limits = [{"metric": metric, "unit": unit, "quotaBuckets": [{"effectiveLimit": limit}]}]
    return {"metric": f"generativelanguage.googleapis.com/{metric}", "consumerQuotaLimits": limits}


def test_google_tells_what_counted_against_its_fullest_quota_and_a_days_limit():
    fetch, _ = answering(
        usage=[
            {"timeSeries": [series("generate_content_free_tier_requests", 3, 4)]},
            {"timeSeries": [series("generate_content_free_tier_requests", 5)]},
            {"timeSeries": [series("generate_requests_per_model", 11)]},
            {"timeSeries": [series("generate_content_free_tier_input_token_count", 900)]},
        ],
        limits=[
            {"metrics": [quota("generate_content_free_tier_requests", "1/d/{project}", "250")]},
            {"metrics": [quota("generate_content_free_tier_requests", "1/min/{project}", "10")]},
            {"metrics": [quota("generate_requests_per_model", "1/d/{project}/{model}", "5")]},
            {"metrics": [quota("generate_content_paid_tier_requests", "1/d/{project}", "6")]},
            {"metrics": [quota("generate_requests_per_model", "1/d/{project}", "-1")]},
        ],
    )
    row = TODAY._replace(metric="requests")
    assert usage_google.figure(ADDRESS, row, fetch) == (12, 250)  # the limit of that quota alone
    assert usage_google.figure(ADDRESS, row._replace(period="month"), fetch) == (12, None)
    assert usage_google.figure(ADDRESS, row._replace(metric="tokens"), fetch) == (900, None)
    assert usage_google.figure(ADDRESS, TODAY, fetch) is None


def test_a_series_nobody_wrote_is_unknown_and_not_nothing():
    fetch, _ = answering(usage=[{}], limits=[{}])
    assert usage_google.figure(ADDRESS, TODAY._replace(metric="requests"), fetch) is None


HOSTILE = [
    openai(cost("NaN")),
    openai(cost("Infinity")),
    openai(cost(float("nan"))),
    openai(cost("12,50")),
    openai(cost(None)),
    openai(cost(value=True)),
    openai(cost(10**40)),
    openai(cost(1, "eur")),
    openai({"amount": 5}),
    openai({}),
    [{"data": {}}],
    [{"data": [5]}],
    [{"data": [{"results": "many"}]}],
]


@pytest.mark.parametrize("pages", HOSTILE, ids=str)
def test_a_cost_report_of_another_shape_is_no_figure(pages):
    fetch, _ = answering(cost=pages)
    with pytest.raises((ValueError, TypeError, KeyError)):
        usage_openai.figure(ADDRESS, TODAY, fetch)


@pytest.mark.parametrize("told", [-5, 1.5, "5e3", "-5", True, [], 10**30, float("inf")], ids=str)
def test_a_count_that_is_none_is_no_figure(told):
    fetch, _ = answering(usage=openai({"input_tokens": told, "output_tokens": 1}))
    with pytest.raises((ValueError, TypeError)):
        usage_openai.figure(ADDRESS, TODAY._replace(metric="tokens"), fetch)


@pytest.fixture
def fixed():
    """Serve one answer to every request; returns its address."""
    servers, released = [], threading.Event()

    def serve(status, headers, body, wait_s=0.0):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                released.wait(wait_s)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/report"

    yield serve
    released.set()
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def apis(sim):
    """The shipped addresses at the simulated upstream, with its key."""
    base = f"http://127.0.0.1:{sim.port}"
    for provider in ("codex", "claude", "gemini"):
        sim.play(provider, admin_key=KEY)
    google = f"{base}/v1beta1/projects/{{project}}/services/{{service}}/consumerQuotaMetrics"
    return {
        "codex": {
            "format": "openai", "account": "a", "key_env": ["ADMIN"],
            "usage_url": f"{base}/v1/organization/usage/completions",
            "cost_url": f"{base}/v1/organization/costs",
        },
        "claude": {
            "format": "anthropic", "account": "a", "key_env": ["ADMIN"],
            "usage_url": f"{base}/v1/organizations/usage_report/messages",
            "cost_url": f"{base}/v1/organizations/cost_report",
        },
        "gemini": {
            "format": "google", "account": "a", "key_env": ["ADMIN"], "project_env": "PROJECT",
            "service": "generativelanguage.googleapis.com", "limits_url": google,
            "usage_url": f"{base}/v3/projects/{{project}}/timeSeries",
        },
    }  # fmt: skip


def ask(api, *rows, key=KEY, deadline_s=10.0):
    return usage_apis.read(api, rows, {"ADMIN": key, "PROJECT": "a project/.."}, deadline_s)


def today(metric, **changes):
    now_ms = clock.now_ms()
    wanted = Wanted(metric, None, "day", now_ms // DAY_MS * DAY_MS, now_ms, days=True)
    return wanted._replace(**changes)


def reports(sim):
    return json.loads(sim.ask("GET", "/_sim/reports")[2])


@pytest.mark.parametrize("provider", ["codex", "claude"])
def test_the_reports_tell_what_the_upstream_served_us_and_others(sim, apis, provider):
    for _ in range(3):
        assert sim.prompt(provider)[0] == 200
    sim.play(provider, outside_tokens=1000, outside_requests=2, outside_cost_micro_usd=2_500_000)
    books = sim.books(provider)
    money, tokens = ask(apis[provider], today("cost_usd"), today("tokens"))[:2]
    assert tokens.used == books["input_tokens"] + books["output_tokens"] + 1000
    assert abs(money.used - (Decimal(books["cost_micro_usd"]) + 2_500_000)) <= 1
    assert (money.period, money.account, money.source, money.of) == ("day", "a", "usage API", None)


def test_googles_series_tells_requests_and_their_limit(sim, apis):
    assert sim.prompt("gemini")[0] == 200
    sim.play("gemini", outside_requests=41)
    requests, _ = ask(apis["gemini"], today("requests"), today("tokens"))
    assert (requests.used, requests.of) == (42, 10_000)
    assert "/projects/a%20project%2F../timeSeries?" in reports(sim)[0]["path"]


def test_a_long_report_is_read_page_by_page(sim, apis):
    sim.play("codex", outside_tokens=77)
    start_ms = clock.now_ms() - 20 * DAY_MS
    long = today("tokens", period=None, window_s=20 * 86_400, start_ms=start_ms, days=False)
    (seen,) = ask(apis["codex"], long)
    assert seen.used == 77
    assert len(reports(sim)) == 3  # 480 hours, 168 a page


@pytest.mark.parametrize("provider", ["codex", "claude", "gemini"])
def test_a_wrong_key_is_named_as_refused_and_never_shown(apis, provider):
    with pytest.raises(TryLaterError, match=r"key was refused.*401") as error:
        ask(apis[provider], today("requests" if provider == "gemini" else "tokens"), key="wr0ng")
    assert "wr0ng" not in str(error.value)


def test_only_its_own_key_goes_into_a_request(sim, apis):
    ask(apis["codex"], today("cost_usd"))
    ask(apis["claude"], today("cost_usd"))
    first, second = (entry["headers"] for entry in reports(sim))
    assert "x-api-key" not in first
    assert "authorization" not in second
    assert not {"cookie", "x-goog-api-key"} & {*first, *second}


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b"<html>", {}, 200, "something else than JSON"),
        (b"[]", {}, 200, "something else than JSON"),
        (b'{"data": 5}', {}, 200, "not of the known shape"),
        (b'{"data": [], "has_more": true, "next_page": "p"}', {}, 200, "do not come to an end"),
        (b"{}", {"location": "http://127.0.0.1:9/"}, 302, "did not answer.*302"),
        (b"x" * (5 * 1024 * 1024), {}, 200, "larger than"),
        (b"{}", {}, 500, "did not answer.*500"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_report_is_an_error_in_one_line(fixed, body, headers, status, why):
    url = fixed(status, headers, body)
    api = {"format": "openai", "account": "a", "key_env": ["ADMIN"], "usage_url": url}
    with pytest.raises(TryLaterError, match=why) as error:
        ask(api, today("tokens"))
    assert "\n" not in str(error.value)


def test_one_deadline_holds_for_all_pages(fixed):
    url = fixed(200, {}, b'{"data": []}', wait_s=30)
    api = {"format": "openai", "account": "a", "key_env": ["ADMIN"], "usage_url": url}
    with pytest.raises(TryLaterError, match=r"deadline|without a byte"):
        ask(api, today("tokens"), deadline_s=0.3)
