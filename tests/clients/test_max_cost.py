"""A run that passes --max-cost while it runs is stopped, settled, and its worktree thrown away."""

import pytest
from support import PREFERRED
from test_trees import edit

CEILING = {"codex": 0.04, "claude": 0.30}


@pytest.fixture
def commit(place):
    return place.make_repository()


@pytest.mark.parametrize("provider", sorted(CEILING))
def test_a_run_that_passes_its_ceiling_in_mid_flight_leaves_nothing_but_its_bill(
    place, simulator, commit, provider
):
    place.unlimited()
    simulator.play(
        provider,
        tools=[edit(f"made-{number}.txt") for number in range(60)],
        output_tokens=1500,
    )
    run = place.run(
        "--yes", "--json", "--edit", "--agent", "coder", "--max-cost", str(CEILING[provider]),
        place.repo, PREFERRED[provider], timeout_s=120,
    )  # fmt: skip
    first = run.attempts[0]
    assert (run.code, first["error_class"]) == (1, "MAX_COST"), run
    assert len(run.attempts) == 1
    books = simulator.books(provider)
    assert 2 <= books["requests"] < 60
    # The turn under way when it was stopped may be billed: it is booked whole.
    assert simulator.bill_usd() <= run.metrics["cost_actual"] <= 3 * simulator.bill_usd()
    assert "is discarded" in run.err
    assert (run.metrics["tree"], run.metrics["branch"]) == (None, None)
    assert place.git("worktree", "list").count("\n") == 1
    assert place.git("branch", "--format=%(refname:short)") == "main\n"
    assert place.git("status", "--porcelain") == ""
    assert place.git("rev-parse", "HEAD") == commit
    assert place.usage(provider)["reservations"] == {}
