"""Budgets over whole starts: alerts once each, lower tiers, and a refusal that says until when."""

import json

import pytest

LIMITS = {"day": 1.0, "month": 50}


@pytest.fixture
def spending(simulator, place):
    """Run a task on claude that costs the given money to a micro-USD or so."""
    model = next(name for name in place.model_names("claude") if "opus" in name)
    price = json.loads((place.config / "prices.json").read_text())["models"][model]
    place.models("claude", max_output_tokens=20_000)

    def run(usd, *words):
        tokens = int(usd * 1e6 / price["output_usd_per_mtok"])
        simulator.play("claude", output_tokens=tokens)
        return place.run(
            "--yes", "--json", "--provider", "claude", "--model", model, "--transport", "api",
            *words, str(place.repo), "Design it",
        )  # fmt: skip

    return run


def alerts(place):
    path = place.logs / "alerts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(a["budget"], a["period"], a["threshold_percent"]) for a in map(json.loads, lines)]


def test_each_threshold_is_told_once_a_day(place, spending):
    place.lay({"budgets": {"limits_usd": LIMITS}})
    assert spending(0.3).code == 0
    assert alerts(place) == []
    run = spending(0.3)
    assert alerts(place) == [("total", "day", 50)]
    assert "WARNING: Daily budget at 6" in run.err
    assert "Remaining budget: $0.4" in run.err
    assert "Recommended action: " in run.err
    assert "Next reset: 20" in run.err
    run = spending(0.05)
    assert alerts(place) == [("total", "day", 50)]
    assert "budget at" not in run.err


def test_of_thresholds_passed_at_once_all_are_logged_and_the_highest_is_shown(place, spending):
    place.lay({"budgets": {"limits_usd": LIMITS | {"day": 0.84}}})
    spending(0.4)
    assert alerts(place) == []
    run = spending(0.4)
    assert run.code == 0, run.err[-900:]
    assert alerts(place) == [("total", "day", share) for share in (50, 75, 90)]
    assert run.err.count("Daily budget at 9") == 1
    assert "CRITICAL: Daily budget" in run.err


def test_a_providers_own_budget_is_watched_too(place, spending):
    day = {"metric": "cost_usd", "period": "day", "limit": 1.0, "block_at_percent": 100}
    place.provider("claude", limits=[day])
    run = spending(0.3)
    run = spending(0.3)
    assert alerts(place)[-1] == ("claude", "day", 50)
    assert "Daily budget of claude at 6" in run.err


def test_the_months_projection_is_told(place, spending):
    place.lay({"budgets": {"limits_usd": {"day": 100, "month": 1.0}}})
    spending(0.4)
    assert "Projected for the month: $" in spending(0.4).err
    (line,) = (place.logs / "alerts.jsonl").read_text(encoding="utf-8").splitlines()[-1:]
    alert = json.loads(line)
    assert (alert["action"], alert["percent"] >= 75) == ("downgrade_tier", True)
    assert alert["projected_usd"] >= alert["spent_usd"]


def test_a_budget_that_is_used_up_refuses_until_its_reset(place, spending, simulator):
    place.lay({"budgets": {"limits_usd": LIMITS}})
    codes = [spending(0.4).code for _ in range(4)]
    assert codes[0] == 0
    assert codes[-1] == 3
    run = spending(0.4, "--no-defer")
    assert run.code == 3
    assert simulator.bill_usd() <= LIMITS["day"]
    assert "total daily budget" in run.err or "a day" in run.err


def test_at_75_percent_of_the_month_paid_tasks_get_a_lower_tier(place, spending):
    place.lay({"budgets": {"limits_usd": {"day": 100, "month": 0.5}}})
    assert spending(0.4).code == 0
    words = ("-n", "--json", "--provider", "codex", "--complexity", "9")
    line = place.run(*words, str(place.repo), "Implement it").line
    assert line["task_classification"]["tier"] == "powerful"
    assert any("medium instead of powerful" in note for note in line["recommendation"]["notes"])
    assert line["budgets"]["month"]["percent"] >= 75
    asked = place.run(*words, "--tier", "powerful", str(place.repo), "Implement it").line
    assert asked["recommendation"]["model"] != line["recommendation"]["model"]
