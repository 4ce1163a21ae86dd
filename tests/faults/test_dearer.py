"""A fallback that costs more is named with its difference, model by model."""


def test_the_difference_is_that_of_the_model_fallen_back_to(place, simulator):
    place.settings(cheapest={"next": 4, "reliable": 0, "last_client": ""})
    simulator.play("gemini", faults=[{"kind": "status", "status": 429, "retry_after": 3600}])
    words = ("--transport", "api", "--strategy", "cheapest", "--tier", "medium")
    preferred = ("--preferred-provider", "gemini", str(place.repo), "Fix the typo")
    run = place.run("--yes", "--json", *words, *preferred)
    chosen, taken = run.line["recommendation"], run.attempts[-1]["model"]
    costs = {
        row["model"]: row["cost"] - chosen["cost_estimate"]
        for row in chosen["alternatives"]
        if row["provider"] == "codex"
    }
    assert len(costs) > 1
    assert costs[taken] > 0
    assert f"falling back to codex (about ${costs[taken]:.4f} dearer)" in run.err
