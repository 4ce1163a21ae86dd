"""The shipped prices cost what genai-prices, the data they are from, says they cost."""

import datetime as dt
import importlib.util
import json
import math
import random
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pytest
from genai_prices import Usage
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.prices import price_of
from orchestrator.decide.costs import cost_micro_usd
from orchestrator.records import MICRO, Spent

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "config" / "prices.json").read_text(encoding="utf-8"))
MODELS = DOCUMENT["models"]
MADE = dt.datetime.fromisoformat(DOCUMENT["date"]).replace(tzinfo=dt.UTC)
THEIRS = {(vendor.id, model.id): (model, vendor) for vendor in providers for model in vendor.models}
VENDORS = ("openai", "anthropic", "google", "deepseek")
LET_GO = Decimal("0.0005")  # of a micro-USD: what arithmetic in binary adds is no money


def test_they_are_what_the_installed_version_gives_on_their_date():
    spec = importlib.util.spec_from_file_location("prices", ROOT / "scripts" / "prices.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert DOCUMENT["version"] == version("genai-prices"), "run make prices"
    assert script.models_of(MADE.date()) == MODELS, "run make prices"


def test_every_model_with_a_price_for_text_is_there_deprecated_ones_too():
    priced = {
        name
        for (vendor, name), (model, _) in THEIRS.items()
        if vendor in VENDORS
        and (rates := model.get_prices(MADE)).input_mtok is not None
        and rates.output_mtok is not None
    }
    assert priced == MODELS.keys()


def check(name, spent, at):
    """Hold our cost against theirs: equal, rounded up to the whole micro-USD."""
    model, vendor = THEIRS[MODELS[name]["vendor"], name]
    usage = Usage(
        input_tokens=spent.input_tokens,
        cache_read_tokens=spent.cached_input_tokens,
        cache_write_tokens=spent.cache_write_tokens,
        output_tokens=spent.output_tokens,
    )
    theirs = model.calc_price(usage, vendor, genai_request_timestamp=at).total_price * MICRO
    price = price_of(MODELS, "any", name, at.date().isoformat(), at.strftime("%H:%M"))
    ours = cost_micro_usd(price, spent)
    assert math.ceil(theirs - LET_GO) <= ours <= math.ceil(theirs), (name, spent, at, theirs)
    dearest = cost_micro_usd(price_of(MODELS, "any", name, at.date().isoformat()), spent)
    assert ours <= dearest  # what is held before a call covers any hour of the day


def steps_of(name):
    """List the input sizes from which a model is dearer."""
    row = MODELS[name]
    return [step["input_tokens"] for each in (row, *row.get("later", ())) for step in
            each.get("above", ())]  # fmt: skip


def dated_of(name):
    """List the moments from which a model's price changes."""
    days = [entry["from"] for entry in MODELS[name].get("later", ())]
    return [dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) for day in days]


def fifty():
    """Draw 50 usages: every vendor, every kind of row, sizes and moments at and beside edges."""
    draw = random.Random(20261121)  # the same 50 each time
    by_vendor = {v: [n for n, row in MODELS.items() if row["vendor"] == v] for v in VENDORS}
    tiered, dated, hourly = (
        [n for n, row in MODELS.items() if key in row] for key in ("above", "later", "hours")
    )
    groups = [*by_vendor.values(), tiered, tiered, tiered, dated, dated, hourly]
    for number in range(50):
        name = draw.choice(groups[number % len(groups)])
        sizes = [at + beside for at in steps_of(name) for beside in (-1, 0, 1, 50_000)]
        used = draw.choice(sizes or [draw.randrange(1_000_000)])
        cached = draw.randrange(used + 1)
        written = draw.randrange(used - cached + 1)
        spent = Spent(1, used, cached, written, draw.randrange(100_000))
        moments = [m + dt.timedelta(seconds=s) for m in dated_of(name) for s in (-1, 0, 1)]
        later = MADE + dt.timedelta(minutes=draw.randrange(2 * 365 * 1440))
        yield pytest.param(name, spent, draw.choice(moments or [later]), id=f"{number} {name}")


@pytest.mark.parametrize(("name", "spent", "at"), list(fifty()))
def test_fifty_usages_cost_what_genai_prices_computes_to_the_micro_usd(name, spent, at):
    check(name, spent, at)


def test_the_fifty_are_of_all_vendors_and_all_kinds_of_rows():
    drawn = [param.values[:2] for param in fifty()]
    assert len(drawn) == 50
    assert {MODELS[name]["vendor"] for name, _ in drawn} == set(VENDORS)
    for kind in ("above", "later", "hours"):
        assert sum(kind in MODELS[name] for name, _ in drawn) >= 5, kind
    above = [any(spent.input_tokens > at for at in steps_of(name)) for name, spent in drawn]
    assert sum(above) >= 5
    assert all(
        sum(getattr(spent, field) > 0 for _, spent in drawn) > 40 for field in Spent._fields[1:5]
    )


@given(st.data())
def test_any_usage_of_any_model_costs_the_same(data):
    name = data.draw(st.sampled_from(sorted(MODELS)))
    edges = st.sampled_from([at + by for at in [0, *steps_of(name)] for by in (0, 1)])
    used = data.draw(st.integers(0, 2_000_000) | edges)
    cached = data.draw(st.integers(0, used))
    written = data.draw(st.integers(0, used - cached))
    spent = Spent(1, used, cached, written, data.draw(st.integers(0, 200_000)))
    check(name, spent, MADE + dt.timedelta(seconds=data.draw(st.integers(0, 2 * 365 * 86_400))))
