"""The models and prices of a running proxy become configuration, exactly as it tells them."""

import json
import os
import stat

import pytest

RATES = {
    "input_usd_per_mtok": "input_cost_per_token",
    "output_usd_per_mtok": "output_cost_per_token",
    "cache_read_usd_per_mtok": "cache_read_input_token_cost",
    "cache_write_usd_per_mtok": "cache_creation_input_token_cost",
}
ABLE = {
    "vision": "supports_vision",
    "tools": "supports_function_calling",
    "json_mode": "supports_response_schema",
}


@pytest.fixture(scope="module")
def told(proxy):
    """What the proxy itself tells of the models that are in one place."""
    infos = proxy.model_info()
    names = [name for name, _ in infos]
    return {name: info for name, info in infos if names.count(name) == 1}


@pytest.fixture
def overlay(pointed):
    return json.loads((pointed.config / "gateway.json").read_text(encoding="utf-8"))


@pytest.fixture
def rows(overlay):
    models = overlay["providers"]["providers"]["litellm"]["models"]
    return {row["name"]: row for row in models}


def test_every_price_is_what_the_proxy_tells(overlay, rows, told):
    prices = overlay["prices"]["models"]
    compared = 0
    for name in rows.keys() & told.keys():
        info = told[name]
        if not info.get("input_cost_per_token"):
            continue
        for ours, theirs in RATES.items():
            per_token = info.get(theirs)
            if per_token:
                assert prices[f"litellm/{name}"][ours] == pytest.approx(per_token * 1e6, rel=1e-9)
                compared += 1
    assert compared >= 15


def test_sizes_and_capabilities_are_what_the_proxy_tells(rows, told):
    for name in rows.keys() & told.keys():
        info, row = told[name], rows[name]
        assert row["context_window"] == (info.get("max_input_tokens") or 32_768)
        assert row["max_output_tokens"] == min(info.get("max_output_tokens") or 8192, 8192)
        assert set(row["capabilities"]) == {able for able, has in ABLE.items() if info.get(has)}


def test_the_tier_follows_the_price(rows):
    assert rows["quick"]["tier"] == "cheap"  # $0.75 for a million in and a million out
    assert rows["its-owner-prices-it"]["tier"] == "medium"  # $10.40
    assert rows["strong"]["tier"] == "powerful"  # $18
    assert rows["in-two-places"]["tier"] == "powerful"  # the dearer of both
    assert rows["nobody-prices-it"]["tier"] == "medium"  # as shipped


def test_what_nobody_prices_has_no_price_and_what_its_owner_gives_away_costs_nothing(overlay):
    prices = overlay["prices"]["models"]
    assert "litellm/nobody-prices-it" not in prices
    free = prices["litellm/given-away"]
    assert (free["input_usd_per_mtok"], free["output_usd_per_mtok"]) == (0, 0)


def test_a_pattern_brings_all_models_of_a_provider(rows, told):
    assert len(rows) > 50
    assert "openai/*" not in rows
    assert "openai/gpt-4o" in rows


def test_what_no_task_can_be_given_to_is_left_out_and_named(pointed, rows):
    assert "vectors" not in rows
    done = pointed.script("litellm_proxy.sh", "--models")
    (embeddings,) = [line for line in done.out.splitlines() if "mode is embedding" in line]
    assert embeddings.startswith("left out, its mode is embedding: ")
    assert "vectors" in embeddings.split(": ")[1].split(", ")
    (unpriced,) = [line for line in done.out.splitlines() if "--allow-unpriced" in line]
    assert "nobody-prices-it" in unpriced


def test_the_configuration_is_sound_afterwards_and_a_spoilt_list_is_written_anew(pointed):
    path = pointed.config / "gateway.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert pointed.helper("check-config").code == 0
    path.write_text('{"providers": 1}', encoding="utf-8")
    assert pointed.helper("check-config").code == 8
    assert pointed.script("litellm_proxy.sh", "--models").code == 0
    assert pointed.helper("check-config").code == 0


def test_a_list_may_be_renewed_while_rules_name_its_models(pointed):
    preferring = {"reason": "mine", "prefer": ["litellm/quick"]}
    pointed.lay({"rules": {"rules": {"mine": preferring}}})
    assert pointed.helper("check-config").code == 0
    assert pointed.script("litellm_proxy.sh", "--models").code == 0
    assert pointed.helper("check-config").code == 0


def test_a_provider_that_is_switched_off_is_not_asked(place, proxy):
    place.environment |= proxy.variables
    place.provider("litellm", enabled=False)
    done = place.script("litellm_proxy.sh", "--models")
    assert (done.code, "litellm is switched off" in done.err) == (2, True), done


def test_a_list_that_would_spoil_the_configuration_is_not_written(place, proxy):
    place.environment |= proxy.variables
    place.lay({"rules": {"rules": {"mine": {"reason": "mine", "prefer": ["litellm/retired"]}}}})
    done = place.script("litellm_proxy.sh", "--models")
    assert done.code == 8, done
    assert "litellm/retired" in done.err
    assert not (place.config / "gateway.json").exists()


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"LITELLM_API_KEY": "sk-another0key0q7w5e3r1t9y2u4"}, 4, "the proxy refuses the key"),
        ({"LITELLM_API_KEY": ""}, 4, "LITELLM_API_KEY or LITELLM_MASTER_KEY is not set"),
        ({"LITELLM_BASE_URL": "http://127.0.0.1:9"}, 5, "does not answer"),
        ({"LITELLM_BASE_URL": "http://proxy.invalid"}, 2, "the key would travel in the open"),
        ({"LITELLM_BASE_URL": "http://127.0.0.1.invalid"}, 2, "travel in the open"),
        ({"LITELLM_BASE_URL": "http://127.0.0.1:4000@proxy.invalid"}, 2, "travel in the open"),
        ({"LITELLM_BASE_URL": "http://proxy.invalid#@127.0.0.1"}, 2, "travel in the open"),
        ({"LITELLM_BASE_URL": "http://proxy.invalid\\@127.0.0.1"}, 2, "travel in the open"),
    ],
)
def test_a_proxy_that_can_not_be_asked_is_named_and_nothing_is_written(
    place, proxy, changes, code, told
):
    place.environment |= proxy.variables | changes
    done = place.script("litellm_proxy.sh", "--models")
    assert done.code == code, done
    assert told in done.err
    assert done.err.count("\n") == 1
    assert not (place.config / "gateway.json").exists()


def test_an_upstream_that_is_no_proxy_is_told(place, proxy, simulator):
    place.environment |= proxy.variables | {"LITELLM_BASE_URL": simulator.url}
    done = place.script("litellm_proxy.sh", "--models")
    assert done.code == 5, done
    assert "is it a LiteLLM proxy?" in done.err
