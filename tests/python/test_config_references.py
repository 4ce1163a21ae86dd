"""What one document says of another, or of the machine, has to be there."""

import pytest
from test_config_load import change, codex, folder, problems

__all__ = ["folder"]  # a fixture


@pytest.mark.parametrize(
    ("document", "edit", "told"),
    [
        (
            "providers",
            lambda d: codex(d)["models"][1].update(tier="huge"),
            "providers.codex.models[1].tier: is 'huge': one of cheap, medium, powerful",
        ),
        (
            "providers",
            lambda d: codex(d)["transports"][0].update(client="curl"),
            "providers.codex.transports[0].client: is 'curl': one of claude, codex, gemini",
        ),
        (
            "providers",
            lambda d: codex(d)["transports"][0].update(kind="api"),
            "providers.codex.transports[0].dialect: is missing: needed by its kind",
        ),
        (
            "providers",
            lambda d: [row.update(enabled=False) for row in d["providers"].values()],
            "providers: none is enabled: at least one",
        ),
        (
            "providers",
            lambda d: d["settings"].update(zone="Mars/Olympus"),
            "settings.zone: is 'Mars/Olympus': UTC or a name such as Europe/Berlin",
        ),
        (
            "providers",
            lambda d: codex(d)["limits"][0].update(period="day"),
            "providers.codex.limits[0]: fits 2 of its forms: exactly one of: window_s, period",
        ),
        (
            "keywords",
            lambda d: d["strong"].update(mistral=[]),
            "strong.mistral: is not a provider: one of codex, gemini, claude",
        ),
        ("agents", lambda d: d.update(agents={}), "agents: is empty: at least one"),
        (
            "rules",
            lambda d: d["rules"]["vision"].update(forbid=["codex/"]),
            "rules.vision.forbid[0]: is 'codex/': one of codex, gemini, claude",
        ),
        (
            "rules",
            lambda d: d["rules"]["vision"].update(prefer=["codex/"]),
            "rules.vision.prefer[0]: is 'codex/': a model of codex: ",
        ),
        (
            "providers",
            lambda d: d["settings"]["tiers"][1].update(below=3),
            "settings.tiers[1].below: is 3: above 3, the cheapest tier first",
        ),
        (
            "providers",
            lambda d: d["settings"]["tiers"].append({"name": "cheap", "below": 12}),
            "settings.tiers[3].name: is 'cheap' once more: another name",
        ),
        (
            "providers",
            lambda d: d["settings"]["cheapest"].update(last_client="claud"),
            "settings.cheapest.last_client: is 'claud': one of claude, codex, gemini, or nothing",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(folder, document, edit, told):
    change(folder, document, edit)
    found = problems(folder)
    assert len(found) == 1
    assert found[0].startswith(f"config/{document}.json: {told}")
