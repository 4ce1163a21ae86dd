"""A client that is logged in: used before any key, never given one, and its cost is notional."""

import json

import pytest
from support import PROVIDERS, Watch

FAR_MS = 4_000_000_000_000


def log_in(place, provider, url):
    """Put what a login leaves in the home, made up, and point the client at the upstream."""
    files = {
        "claude": {
            ".claude/.credentials.json": {
                "claudeAiOauth": {
                    "accessToken": "sk-ant-oat01-simulated",
                    "refreshToken": "sk-ant-ort01-simulated",
                    "expiresAt": FAR_MS,
                    "scopes": ["user:inference", "user:profile"],
                    "subscriptionType": "max",
                }
            },
            ".claude/settings.json": {"env": {"ANTHROPIC_BASE_URL": url}},
        },
        "codex": {
            ".codex/auth.json": {"OPENAI_API_KEY": "sk-login-simulated"},
            ".codex/config.toml": f'openai_base_url = "{url}/v1"\n[features]\nplugins = false\n',
        },
        "gemini": {
            ".gemini/oauth_creds.json": {},
            ".gemini/settings.json": {"security": {"auth": {"selectedType": "gemini-api-key"}}},
            ".gemini/.env": f"GEMINI_API_KEY=simulated\nGOOGLE_GEMINI_BASE_URL={url}\n",
        },
    }
    for name, content in files[provider].items():
        (place.home / name).parent.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (place.home / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_login_is_used_without_a_key_and_costs_nothing_but_a_notion(place, simulator, provider):
    log_in(place, provider, simulator.url)
    with Watch(place) as seen:
        run = place.run("--yes", "--json", "--provider", provider, place.repo, "Explain it")
    assert run.code == 0, run
    (attempt,) = run.attempts
    assert (attempt["transport"], attempt["billing"]) == ("cli", "subscription")
    assert run.metrics["cost_actual"] == 0
    assert run.metrics["cost_notional_usd"] == pytest.approx(simulator.bill_usd(), abs=2e-6)
    assert run.metrics["tokens_used"] == sum(
        simulator.books(provider)[name] for name in ("input_tokens", "output_tokens")
    )
    assert place.usage(provider)["cost_today"] == 0
    started = [e for line, e in seen.environments.items() if f"/{provider}\0".encode() in line]
    named = {entry.partition(b"=")[0] for environment in started for entry in environment}
    assert named
    assert not {name for name in named if name.endswith(b"_API_KEY")}
