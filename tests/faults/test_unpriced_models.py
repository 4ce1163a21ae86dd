"""A model without a price, over whole starts: refused under a budget, and never shown as free."""

import os
import subprocess

import pytest
from support import PREFERRED, PROVIDERS, ROOT

TASK = PREFERRED["codex"]
NO_MONEY = {"budgets": {"limits_usd": {"day": None, "month": None}}}


@pytest.fixture
def unpriced(place):
    """Take the prices of all of codex's models away."""
    names = place.model_names("codex")
    place.lay({"prices": {"models": dict.fromkeys(names)}})
    return place


def run(place, *words, task=TASK):
    words = ("--yes", "--json", "--transport", "api", *words)
    return place.run(*words, str(place.repo), task)


def command(place, *words):
    done = subprocess.run(
        words,
        check=False,
        env=place.environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def summary(place):
    python = place.environment["ORCHESTRATE_PYTHON"]
    return command(place, python, "-I", "-X", "utf8", ROOT / "lib", "summary")


def alone(place, **rows):
    """Leave one limit of money, or none."""
    place.unlimited()
    place.lay(NO_MONEY)
    if rows.get("provider"):
        day = {"metric": "cost_usd", "period": "day", "limit": 5, "block_at_percent": 100}
        place.provider("codex", limits=[day])
    if rows.get("total"):
        place.lay({"budgets": {"limits_usd": {"day": 5}}})


@pytest.mark.parametrize(
    ("rows", "words"),
    [({"provider": True}, ()), ({"total": True}, ()), ({}, ("--max-cost", "1"))],
    ids=["a budget of the provider", "a budget over all", "--max-cost"],
)
def test_under_any_limit_of_money_it_is_refused_unless_allowed(unpriced, simulator, rows, words):
    alone(unpriced, **rows)
    refused = run(unpriced, "--provider", "codex", *words)
    assert refused.code == 2, refused
    assert "its model has no price" in refused.err
    assert "--allow-unpriced" in refused.err
    assert simulator.requests("codex") == []
    allowed = run(unpriced, "--provider", "codex", "--allow-unpriced", *words)
    assert allowed.code == 0, allowed
    assert allowed.metrics["cost_actual"] is None


def test_without_a_limit_of_money_it_runs(unpriced):
    alone(unpriced)
    done = run(unpriced, "--provider", "codex")
    assert done.code == 0, done
    assert done.metrics["cost_actual"] is None


def test_left_to_choose_another_provider_takes_the_task(unpriced):
    done = run(unpriced)
    assert done.code == 0, done
    assert done.metrics["provider"] != "codex"
    assert done.metrics["cost_actual"] > 0


def test_it_is_unpriced_in_every_record_and_on_every_screen(unpriced, simulator):
    simulator.play("codex", output_tokens=1234)
    shown = unpriced.run("-n", "--provider", "codex", "--allow-unpriced", str(unpriced.repo), TASK)
    assert "Cost Estimate: unpriced" in shown.out + shown.err
    assert "has no price: no budget can hold it" in shown.out + shown.err
    done = run(unpriced, "--provider", "codex", "--allow-unpriced")
    assert done.code == 0, done
    assert done.err.rstrip().endswith("tokens, unpriced")
    money = ("cost_usd", "cost_notional_usd", "cost_source", "overshoot_usd")
    expected = [None, 0.0, "unpriced", 0.0]
    [line] = unpriced.usage_lines()
    assert [line[name] for name in money] == expected
    assert (line["output_tokens"], line["cache_write_tokens"]) == (1234, 0)
    decision = unpriced.decisions()[-1]
    assert decision["recommendation"]["cost_estimate"] is None
    assert [decision["execution_metrics"]["attempts"][0][name] for name in money] == expected
    assert decision["execution_metrics"]["unpriced_attempts"] == 1
    assert decision["execution_metrics"]["cost_estimate_vs_actual"] is None
    code, told = summary(unpriced)
    assert code == 0
    assert "unpriced" in told
    assert "codex" in told


def test_its_calls_count_in_rates_and_leave_the_money_of_others_alone(unpriced, simulator):
    assert run(unpriced, "--provider", "codex", "--allow-unpriced").code == 0
    books = unpriced.usage("codex")
    assert sum(books["windows"]["requests/60s"].values()) == 1
    assert "cost_usd/day" not in books["windows"]
    assert run(unpriced, "--provider", "gemini").code == 0
    priced = unpriced.usage_lines()[-1]
    assert priced["cost_usd"] > 0


def test_a_fallback_from_it_sums_what_is_known(unpriced, simulator):
    fault = {"kind": "truncated", "times": "always"}
    simulator.play("codex", faults=[fault])
    unpriced.settings(attempts={"per_route": 1, "total": 4})
    done = run(unpriced, "--preferred-provider", "codex", "--allow-unpriced")
    sources = [a.get("cost_source") for a in done.attempts]
    assert done.code == 0, done
    assert sources[0] == "unpriced", sources
    assert done.metrics["unpriced_attempts"] >= 1
    assert done.metrics["cost_actual"] == pytest.approx(
        sum(a["cost_usd"] for a in done.attempts if a["cost_usd"] is not None)
    )
    assert done.metrics["cost_actual"] > 0


def test_books_are_checked_and_built_anew_from_such_lines(unpriced):
    assert run(unpriced, "--provider", "codex", "--allow-unpriced").code == 0
    before = unpriced.usage("codex")["windows"]
    code, told = command(unpriced, ROOT / "scripts" / "doctor.sh")
    assert "Traceback" not in told
    os.remove(unpriced.state / "codex_usage.json")
    code, told = command(unpriced, ROOT / "scripts" / "repair_state.sh")
    assert code == 0, told
    after = unpriced.usage("codex")["windows"]
    assert {name: sum(slots.values()) for name, slots in after.items()} == {
        name: sum(slots.values()) for name, slots in before.items()
    }
    assert run(unpriced, "--provider", "codex", "--allow-unpriced").code == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_wire_format_settles_as_unpriced(place, provider):
    place.lay({"prices": {"models": dict.fromkeys(place.model_names(provider))}})
    done = run(place, "--provider", provider, "--allow-unpriced")
    assert done.code == 0, done
    assert done.attempts[0]["cost_source"] == "unpriced"
    assert done.metrics["cost_actual"] is None
