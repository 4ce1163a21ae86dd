"""The figures of the cost report, against sums a person can do."""

import math
from collections import defaultdict
from decimal import Decimal

import pytest
import reports
import world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports import DAY_MS, decision, of, plan, unpriced, usage
from world import NOW_MS

from orchestrator.errors import UsageError
from orchestrator.insight import report, report_period
from orchestrator.records import MICRO


def by(document, table, key):
    return {row[key]: row for row in document[table]}


def test_billed_and_plan_money_are_summed_apart(tmp_path):
    document = of(tmp_path, [usage("t1", cost_usd=0.25), plan("t2", 0.5), usage("t3", cost_usd=1)])
    assert (document["total_cost_usd"], document["total_notional_usd"]) == (1.25, 0.5)
    (row,) = document["by_provider"]
    assert (row["cost_usd"], row["cost_notional_usd"], row["share_percent"]) == (1.25, 0.5, 100.0)


def test_a_call_without_a_price_is_counted_and_named_and_never_nothing(tmp_path):
    document = of(tmp_path, [usage("t1", cost_usd=0.25), unpriced("t2"), unpriced("t3")])
    assert (document["total_cost_usd"], document["unpriced_requests"]) == (0.25, 2)
    (named,) = document["unpriced"]
    assert (named["provider"], named["model"], named["requests"]) == ("codex", "mystery", 2)
    models = by(document, "by_model", "model")
    assert models["mystery"]["cost_usd"] is None
    assert models["mystery"]["cost_notional_usd"] == 0.0
    assert models["codex-medium"]["cost_usd"] == 0.25
    assert by(document, "by_provider", "provider")["codex"]["cost_usd"] == 0.25


def test_use_of_a_plan_without_a_price_has_cost_nothing_and_is_worth_nobody_knows_what(tmp_path):
    line = plan("t1", None, cost_source="unpriced")
    (row,) = of(tmp_path, [line])["by_provider"]
    assert (row["cost_usd"], row["cost_notional_usd"], row["share_percent"]) == (0.0, None, None)


def test_lines_from_before_there_were_tiers_show_a_dash(tmp_path):
    line = usage()
    for name in reports.OLD:
        del line[name]
    document = of(tmp_path, [line])
    assert by(document, "by_tier", "tier").keys() == {"-"}
    assert document["escalation_by_tier"] == []
    assert by(document, "by_provider_and_role", "role")["-"]["average_latency_ms"] == 1500


SEEDS_LINE = {  # the fields of seed 001's own log
    "timestamp": "2026-11-20T10:30:00Z",
    "story_id": "US-001",
    "provider": "litellm",
    "model": "gpt-4o-mini",
    "complexity": 2,
    "input_tokens": 100,
    "output_tokens": 50,
    "cost_usd": 0.01,
    "latency_ms": 1000,
    "success": True,
}


def test_a_line_with_the_fields_of_seed_001_alone_is_read(tmp_path):
    document = of(tmp_path, [SEEDS_LINE])
    assert (document["total_requests"], document["total_cost_usd"]) == (1, 0.01)
    assert by(document, "by_day", "day").keys() == {"2026-11-20"}
    assert by(document, "by_agent", "agent").keys() == {"-"}
    assert document["unpriced_requests"] == 0


def test_a_call_that_nobody_says_succeeded_has_not(tmp_path):
    line = usage()
    del line["success"]
    document = of(tmp_path, [line])
    assert (document["successful_requests"], document["failed_requests"]) == (0, 1)


def test_agent_and_repository_come_from_the_decision_of_the_task(tmp_path):
    decided = [decision("t1"), decision("t2", repository="/home/me/other")]
    document = of(tmp_path, [usage("t1"), usage("t1"), usage("t2"), usage("t3")], decided)
    repositories = by(document, "by_repository", "repository")
    assert {n: r["requests"] for n, r in repositories.items()} == {
        "/home/me/project": 2, "/home/me/other": 1, "-": 1
    }  # fmt: skip
    assert by(document, "by_agent", "agent")["coder"]["tasks"] == 2


def test_a_decision_line_that_is_there_twice_doubles_no_money(tmp_path):
    document = of(tmp_path, [usage("t1", cost_usd=0.25)], [decision("t1"), decision("t1")])
    assert document["total_cost_usd"] == 0.25
    assert document["by_agent"][0]["cost_usd"] == 0.25


def test_money_belongs_to_the_day_it_was_booked_for(tmp_path):
    yesterday = usage("t1", booked_day="2026-11-19", cost_usd=0.25)
    document = of(tmp_path, [yesterday, usage("t2", cost_usd=1)])
    days = by(document, "by_day", "day")
    assert {day: row["cost_usd"] for day, row in days.items()} == {
        "2026-11-19": 0.25, "2026-11-20": 1.0
    }  # fmt: skip
    today = report_period.last_days(1, NOW_MS, "UTC")
    assert reports.made(tmp_path / "my logs", period=today)["total_cost_usd"] == 1.0


def test_the_first_of_the_days_counts_and_the_one_before_does_not(tmp_path):
    used = [usage(f"t{ago}", NOW_MS - ago * DAY_MS, cost_usd=ago) for ago in (28, 29, 30)]
    assert of(tmp_path, used, days=30)["total_cost_usd"] == 28 + 29


def test_a_line_without_a_booked_day_belongs_to_the_day_of_the_zone(tmp_path):
    line = usage("t1", at_ms=NOW_MS + 90 * 60_000)  # 23:30 UTC is tomorrow in Berlin
    del line["booked_day"]
    config = world.config(zone="Europe/Berlin")
    document = of(tmp_path, [line], config=config, now_ms=NOW_MS + 2 * 3_600_000)
    assert by(document, "by_day", "day").keys() == {"2026-11-21"}


def test_tasks_are_counted_by_how_they_ended(tmp_path):
    ends = ["success", "success", "success", "failed", "refused", "declined", "deferred"]
    decided = [decision(f"t{n}", status=status) for n, status in enumerate(ends)]
    document = of(tmp_path, [usage("t0")], decided)
    assert document["tasks_by_status"]["success"] == 3
    assert (document["total_tasks"], document["tasks_run"]) == (7, 4)
    assert document["task_success_percent"] == 75.0


def test_fallback_and_escalation_are_shares_of_the_tasks_that_ran(tmp_path):
    used = [
        usage("t1", tier="cheap", success=False),
        usage("t1", tier="medium", escalated_from="cheap"),
        usage("t2", tier="cheap"),
        usage("t3", tier="cheap", success=False),
        usage("t3", tier="cheap", fallback_used=True),
        usage("t4", tier="medium"),
    ]
    document = of(tmp_path, used)
    assert (document["fallback_percent"], document["escalation_percent"]) == (25.0, 25.0)
    tiers = by(document, "escalation_by_tier", "tier")
    assert (tiers["cheap"]["tasks"], tiers["cheap"]["escalated_tasks"]) == (3, 1)
    assert tiers["cheap"]["escalated_percent"] == pytest.approx(33.33)
    assert (tiers["medium"]["tasks"], tiers["medium"]["escalated_tasks"]) == (2, 0)


def test_a_task_that_climbed_was_on_the_tier_it_left_also_when_that_call_is_not_shown(tmp_path):
    used = [usage("t1", tier="medium", escalated_from="cheap")]
    cheap = by(of(tmp_path, used), "escalation_by_tier", "tier")["cheap"]
    assert (cheap["tasks"], cheap["escalated_percent"]) == (1, 100.0)


def test_a_task_decided_before_midnight_is_known_by_its_calls_after_it(tmp_path):
    midnight = NOW_MS // DAY_MS * DAY_MS
    used, decided = [usage("t1", midnight + 1)], [decision("t1", midnight - 1)]
    document = of(tmp_path, used, decided, days=1)
    assert (document["by_agent"][0]["agent"], document["total_tasks"]) == ("coder", 0)


def test_parts_of_a_micro_dollar_are_rounded_once_in_the_sum(tmp_path):
    used = [usage(f"t{n}", cost_usd=0.0000004) for n in range(3)]
    assert of(tmp_path, used)["total_cost_usd"] == 0.000001


def test_escalation_by_complexity_counts_tasks_in_bands_of_one(tmp_path):
    used = [
        usage("t1", complexity=2.9, success=False),
        usage("t1", complexity=2.9, escalated_from="cheap"),
        usage("t2", complexity=2.0),
        usage("t3", complexity=10),
    ]
    bands = by(of(tmp_path, used), "escalation_by_complexity", "complexity")
    assert bands.keys() == {"2-3", "9-10"}
    assert (bands["2-3"]["tasks"], bands["2-3"]["escalated_percent"]) == (2, 50.0)


def test_estimates_are_held_against_what_was_used_where_both_are_known(tmp_path):
    cost = {"status": "success", "provider": "codex", "cost_actual": 0.003}
    decided = [
        decision("t1", execution_metrics={**cost, "cost_notional_usd": 0.001}),
        decision("t2", execution_metrics={**cost, "unpriced_attempts": 1}),
        decision("t3", execution_metrics={"status": "refused"}),
    ]
    document = of(tmp_path, [usage("t1")], decided)
    assert document["estimate"]["tasks"] == 1
    assert (document["estimate"]["estimated_usd"], document["estimate"]["actual_usd"]) == (
        0.002,
        0.004,
    )
    assert document["estimate"]["difference_percent"] == 100.0


def test_each_provider_is_told_by_role(tmp_path):
    used = [
        usage("t1", role="coder", latency_ms=1000),
        usage("t2", role="coder", latency_ms=2000, success=False),
        usage("t3", role="reviewer", latency_ms=100, input_tokens=7),
    ]
    roles = by(of(tmp_path, used), "by_provider_and_role", "role")
    assert (roles["coder"]["average_latency_ms"], roles["coder"]["success_percent"]) == (1500, 50)
    assert (roles["reviewer"]["input_tokens"], roles["reviewer"]["failed_requests"]) == (7, 0)


def test_one_provider_alone_is_told_with_its_tasks_and_the_whole_budget(tmp_path):
    used = [usage("t1", cost_usd=1), usage("t2", provider="claude", cost_usd=2)]
    config = world.config()._replace(budgets=(month_budget(10),))
    document = of(tmp_path, used, provider="claude", config=config)
    assert (document["total_cost_usd"], document["total_tasks"]) == (2.0, 1)
    assert document["budgets"]["month"]["spent_usd"] == 3.0


def month_budget(usd, *thresholds):
    from orchestrator.records import Budget, Limit

    return Budget(Limit("cost_usd", None, "month", usd * MICRO, 100.0, "total"), thresholds)


def test_the_budget_counts_the_month_also_before_the_days_of_the_report(tmp_path):
    used = [
        usage("t1", at_ms=NOW_MS - 15 * DAY_MS, cost_usd=4),
        usage("t2", at_ms=NOW_MS - 25 * DAY_MS, cost_usd=8),  # last month's
        usage("t3", cost_usd=1),
    ]
    config = world.config()._replace(budgets=(month_budget(10),))
    document = of(tmp_path, used, config=config)
    month = document["budgets"]["month"]
    assert (document["total_cost_usd"], month["spent_usd"], month["percent"]) == (1.0, 5.0, 50.0)
    passed = (NOW_MS - 1_793_491_200_000) / (30 * DAY_MS)  # since 2026-11-01
    assert month["projected_usd"] == pytest.approx(5 / passed, abs=1e-6)


def test_the_current_run_is_the_family_of_the_newest_task(tmp_path):
    decided = [
        decision("t1", NOW_MS - 3000, run_id="batch-1"),
        decision("t2", NOW_MS - 2000, run_id="batch-2"),
        decision("t3", NOW_MS - 1000, run_id="batch-2"),
    ]
    used = [usage(task, cost_usd=usd) for task, usd in (("t1", 1), ("t2", 2), ("t3", 4))]
    document = of(tmp_path, used, decided, current_run=True)
    assert (document["run"], document["total_cost_usd"], document["total_tasks"]) == (
        "batch-2",
        6,
        2,
    )


def test_a_run_is_projected_from_the_tasks_that_ran(tmp_path):
    ends = ["success"] * 4 + ["deferred"] * 6
    decided = [decision(f"t{n}", status=end, run_id="batch") for n, end in enumerate(ends)]
    used = [usage(f"t{n}", cost_usd=0.5) for n in range(4)]
    assert of(tmp_path, used, decided, current_run=True)["run_projected_usd"] == 5.0
    assert report.projected(1.0, 0, 5) is None


def test_the_current_run_of_a_lone_task_is_its_session_with_what_is_running_now(tmp_path):
    decided = [decision("t1", NOW_MS - DAY_MS), decision("t2"), decision("t3", NOW_MS - 1000)]
    used = [
        usage("t1", NOW_MS - DAY_MS, cost_usd=1),
        usage("t2", cost_usd=2),
        usage("t3", cost_usd=4),
        usage("running", cost_usd=8),  # its task has no line yet
    ]
    document = of(tmp_path, used, decided, current_run=True)
    assert (document["run"], document["total_cost_usd"]) == ("session-2026-11-20", 14)


def test_without_a_task_there_is_no_current_run(tmp_path):
    with pytest.raises(UsageError, match="no task in the 7 days until 2026-11-20"):
        of(tmp_path, [usage()], [], current_run=True)


MONEY = st.integers(0, 10**9).map(lambda micro: micro / MICRO)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["codex", "claude", "gemini"]),
        st.sampled_from(["cheap", "medium", None]),
        st.integers(0, 9),  # days ago
        MONEY,
        st.one_of(MONEY, st.none()),
        st.integers(0, 10**7),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=LINES)
def test_all_totals_equal_a_plain_sum_over_the_log(tmp_path, rows):
    used = [
        usage(
            f"t{number % 7}", NOW_MS - ago * DAY_MS, provider=provider, tier=tier, cost_usd=cost,
            cost_notional_usd=notional, input_tokens=count, success=success,
        )
        for number, (provider, tier, ago, cost, notional, count, success) in enumerate(rows)
    ]  # fmt: skip
    document = of(tmp_path, used)
    chosen = [line for line in used if line["booked_day"] >= "2026-11-14"]
    exact = sum(Decimal(str(line["cost_usd"])) for line in chosen)
    assert document["total_cost_usd"] == float(exact)
    assert document["total_cost_usd"] == pytest.approx(
        math.fsum(line["cost_usd"] for line in chosen), abs=5e-7
    )
    notional = sum(Decimal(str(line["cost_notional_usd"] or 0)) for line in chosen)
    assert document["total_notional_usd"] == float(notional)
    assert document["total_requests"] == len(chosen)
    assert document["input_tokens"] == sum(line["input_tokens"] for line in chosen)
    for table, key in (("by_provider", "provider"), ("by_tier", "tier"), ("by_day", "booked_day")):
        expected = defaultdict(Decimal)
        for line in chosen:
            expected[line[key] or "-"] += Decimal(str(line["cost_usd"]))
        name = "day" if key == "booked_day" else key
        assert {row[name]: row["cost_usd"] for row in document[table]} == {
            group: float(usd) for group, usd in expected.items()
        }
        assert sum(row["successful_requests"] for row in document[table]) == sum(
            line["success"] for line in chosen
        )


def test_many_small_amounts_do_not_drift(tmp_path):
    document = of(tmp_path, [usage(f"t{n}", cost_usd=0.1) for n in range(1000)], [])
    assert document["total_cost_usd"] == 100.0
    assert document["by_provider"][0]["cost_usd"] == 100.0
