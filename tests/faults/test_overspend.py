"""Many starts at once against one day budget: what the upstream charges is never over it."""

import pytest
from support import finished

BUDGET_USD = 0.50


@pytest.mark.parametrize(
    "starts", [24, pytest.param(96, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
def test_starts_at_once_never_spend_more_than_the_day_budget(simulator, place, starts):
    limits = [{"metric": "cost_usd", "period": "day", "limit": BUDGET_USD, "block_at_percent": 100}]
    place.provider("codex", limits=limits)
    # A turn is held at about 0.043 USD and costs 0.041: eleven find room.
    name = next(row for row in place.model_names("codex") if "terra" in row)
    simulator.play("codex", output_tokens=8000, latency_ms=400)
    words = ("--yes", "--json", "--provider", "codex", "--transport", "api", "--model", name)
    task = ("Fix the loader " * 60)[:800]
    processes = [
        place.start(*words, "--tier", "medium", str(place.repo), task) for _ in range(starts)
    ]
    runs = [finished(process, 300) for process in processes]
    codes = [run.code for run in runs]
    assert set(codes) == {0, 3}, [run for run in runs if run.code not in {0, 3}]
    bill = simulator.bill_usd()
    assert BUDGET_USD / 2 < bill <= BUDGET_USD
    usage = place.usage("codex")
    assert usage["reservations"] == {}
    assert usage["cost_today"] == pytest.approx(bill, abs=1e-4)
    assert len(simulator.requests("codex")) == codes.count(0)
    assert len(place.decisions()) == starts
    assert sum(line["success"] for line in place.usage_lines()) == codes.count(0)
    for run in runs:
        if run.code == 3:
            assert run.metrics["retry_at"] is not None, run
            assert run.err.strip().splitlines()[-1].startswith("orchestrate: ")
