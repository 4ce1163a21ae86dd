"""Rate-limit headers as figures: what a head tells, and nothing it does not."""

import pytest
from world import NOW_MS

from orchestrator import clock
from orchestrator.providers import rate_headers
from orchestrator.providers.claude import ClaudeReading, plan_figures

RESET = clock.iso(NOW_MS + 30_000)


def read(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return rate_headers.seen_in(named, "an account", NOW_MS)


def openai(limit="60", left="59", reset="1s"):
    return {
        "x_ratelimit_limit_requests": limit,
        "x_ratelimit_remaining_requests": left,
        "x_ratelimit_reset_requests": reset,
    }


def anthropic(limit="50", left="8", reset=RESET, metric="requests"):
    prefix = f"anthropic_ratelimit_{metric}"
    return {f"{prefix}_limit": limit, f"{prefix}_remaining": left, f"{prefix}_reset": reset}


def test_a_minutes_limit_is_what_was_used_of_it_at_the_moment_the_head_came():
    (seen,) = read(**openai("3000", "2500", "1.2s"))
    assert seen[:6] == ("requests", 60, None, "an account", 500, 3000)
    assert (seen.source, seen.observed_at_ms, seen.resets_at_ms) == ("headers", NOW_MS, None)
    requests, tokens = read(**anthropic(), **anthropic("40000", "39000", RESET, "tokens"))
    assert (requests.used, requests.of, tokens.used, tokens.of) == (42, 50, 1000, 40000)


@pytest.mark.parametrize("reset", ["120ms", "6.5s", "1m0s", "1m30s", "0s"])
def test_a_reset_is_read_as_openai_writes_it(reset):
    assert len(read(**openai(reset=reset))) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_ratelimit_limit_requests": "60"},
        openai(limit="nan"),
        openai(limit="inf"),
        openai(limit="0", left="0"),
        openai(limit="-60", left="-90"),
        openai(left="61"),
        openai(left="-1"),
        openai(limit="many"),
        openai(limit="1e400"),
        openai(reset=""),
        openai(reset="soon"),
        openai(reset="1s; rm -rf"),
        openai(reset="8h38m24s"),
        anthropic(reset="tomorrow"),
        anthropic(reset="9" * 400),
        anthropic(reset=clock.iso(NOW_MS + 3_600_000)),
    ],
    ids=str,
)
def test_what_is_no_figure_or_of_another_window_is_left_out_and_never_nothing(headers):
    assert read(**headers) == ()


def test_a_plan_tells_its_windows_as_fractions():
    prefix = "anthropic_ratelimit_unified"
    five, seven = read(
        **{
            f"{prefix}_5h_utilization": "0.421",
            f"{prefix}_5h_reset": "1795219200",
            f"{prefix}_7d_utilization": "1.04",
            f"{prefix}_status": "allowed",
            f"{prefix}_overage_utilization": "0.9",
        }
    )
    assert five[:6] == ("percent", 18_000, None, "an account", 43, 100)
    assert five.resets_at_ms == 1_795_219_200_000
    assert (seven.window_s, seven.used, seven.resets_at_ms) == (604_800, 104, None)
    assert read(**{f"{prefix}_5h_utilization": "NaN"}) == ()


@pytest.mark.parametrize("provider", ["codex", "claude", "compatible"])
def test_the_heads_the_upstream_sends_are_understood(sim, provider):
    sim.play(provider, requests_per_minute=10, tokens_per_minute=100_000)
    for count in (1, 2):
        status, headers, _ = sim.prompt(provider)
        assert status == 200
        told = {name.lower(): value for name, value in headers.items()}
        requests, tokens = rate_headers.seen_in(told, "a", clock.now_ms())
        assert (requests.used, requests.of, tokens.of) == (count, 10, 100_000)
        assert 0 < tokens.used < 1000


INFO = {"status": "allowed", "resetsAt": 1_795_219_200, "rateLimitType": "five_hour"}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (INFO, []),
        (INFO | {"utilization": 0.16}, [(18_000, 16, 1_795_219_200_000)]),
        (INFO | {"utilization": 1}, [(18_000, 100, 1_795_219_200_000)]),
        (INFO | {"status": "rejected"}, [(18_000, 100, 1_795_219_200_000)]),
        (
            INFO
            | {
                "unifiedWindows": {
                    "five_hour": {"utilization": 0.16, "resetsAt": 1_795_219_200},
                    "seven_day": {"utilization": 0.81, "resetsAt": 1_795_700_000},
                    "seven_day_opus": {"utilization": 0.99, "resetsAt": 1_795_700_000},
                }
            },
            [(18_000, 16, 1_795_219_200_000), (604_800, 81, 1_795_700_000_000)],
        ),
        (INFO | {"utilization": float("nan")}, []),
        (INFO | {"utilization": -0.5}, []),
        (INFO | {"utilization": "0.5"}, []),
        (INFO | {"utilization": True}, []),
        (INFO | {"utilization": 1e300}, []),
        (INFO | {"unifiedWindows": [1], "rateLimitType": 5}, []),
        (None, []),
        ("rejected", []),
    ],
    ids=str,
)
def test_a_rate_limit_event_of_a_client_run_tells_windows_where_it_tells_a_share(info, expected):
    found = plan_figures(info, NOW_MS)
    assert [(seen.window_s, seen.used, seen.resets_at_ms) for seen in found] == expected


def test_a_client_run_hands_its_figures_on():
    reading = ClaudeReading()
    reading.document({"type": "rate_limit_event", "rate_limit_info": INFO | {"utilization": 0.5}})
    assert [seen.used for seen in reading.outcome().seen] == [50]
