"""A model's own settings, over the transports that take them, and its own time."""

import time

import pytest
from briefly import ONE_PROVIDER, first_of
from support import PROVIDERS


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("transport", first_of("cli", "api"))
def test_a_model_with_a_time_of_its_own_ends_with_it_and_says_so(
    place, simulator, provider, transport
):
    place.models(provider, parameters={"timeout_s": 2, "max_retries": 0})
    simulator.play(provider, faults=[{"kind": "hang"}])
    began = time.monotonic()
    run = place.run(
        "--yes",
        "--json",
        "--model",  # else the next tier would try it
        place.model_names(provider)[0],
        "--provider",
        provider,
        "--transport",
        transport,
        place.repo,
        "Explain it",
    )
    assert run.code == 5, run
    assert time.monotonic() - began < 30
    first = run.attempts[0]
    assert first["error_class"] == "TIMEOUT"
    assert "own timeout_s of 2 s passed" in first["error"]


@pytest.mark.parametrize("provider", ONE_PROVIDER)
def test_the_tasks_time_is_told_as_such_where_it_is_shorter(place, simulator, provider):
    place.models(provider, parameters={"timeout_s": 30})
    simulator.play(provider, faults=[{"kind": "hang"}])
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "api", "--timeout", "2",
        place.repo, "Explain it",
    )  # fmt: skip
    assert run.code == 5, run
    assert "timeout_s" not in run.metrics["error"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_temperature_goes_over_the_api_and_never_over_a_client_that_would_drop_it(
    place, simulator, provider
):
    place.models(provider, parameters={"temperature": 0.25, "top_p": 0.5})
    run = place.run("--yes", "--json", "--provider", provider, place.repo, "Explain it")
    assert run.code == 0, run
    assert [attempt["transport"] for attempt in run.attempts] == ["api"]
    (request,) = simulator.requests(provider)
    assert sorted(request["sampling"].values()) == [0.25, 0.5]
