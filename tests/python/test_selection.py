"""The commands and the Python API of seed 001, on its thirteen models at its prices."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.commands.select import ProviderSelector
from orchestrator.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
SELECTOR = ROOT / "lib" / "provider_selector.py"
O1 = "litellm/o1"
SONNET = "anthropic/claude-3-5-sonnet-20241022"
OPUS = "anthropic/claude-opus-4-20250514"
CLIENT = "claude-code-cli/claude-sonnet-3.5"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Make a configuration of its models alone, in a folder with a space."""
    folder = tmp_path_factory.mktemp("thirteen models") / "config"
    shutil.copytree(
        ROOT / "config", folder, ignore=shutil.ignore_patterns("*_usage.json", ".state")
    )
    overlay = ROOT / "tests" / "data" / "thirteen_models" / "local.json"
    shutil.copy(overlay, folder / "local.json")
    return folder


@pytest.fixture
def run(config, tmp_path):
    def run(*arguments):
        environment = {"PATH": os.environ["PATH"], "ORCHESTRATE_CONFIG": str(config)}
        return subprocess.run(
            [sys.executable, str(SELECTOR), *arguments],
            env=environment | {"HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def selected(run, *arguments):
    done = run("select", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--complexity", "1"), {"deepseek-chat", "gemini-2.0-flash-exp", "gpt-4o-mini"}),
        (
            ("--complexity", "4"),
            {"gemini-1.5-pro", "gpt-4o", "claude-3-5-sonnet-20241022"},
        ),
        (("--complexity", "8"), {"claude-opus-4-20250514", "o1"}),
    ],
)
def test_example_4_gives_an_expected_model(run, options, expected):
    assert selected(run, *options)["model"] in expected


def test_example_4_with_vision_gives_no_deepseek_not_even_as_a_fallback(run):
    chain = selected(run, "--complexity", "2", "--requires-vision")["fallback_chain"]
    assert not any(key.startswith("deepseek/") for key in chain)


def test_example_4_with_tools_gives_no_o1_not_even_as_a_fallback(run):
    found = selected(run, "--complexity", "7", "--requires-tools")
    assert found["model"] == "claude-opus-4-20250514"
    assert O1 not in found["fallback_chain"]


@pytest.mark.parametrize(
    ("complexity", "chain"),
    [
        # the cheapest, the next two, a reliable one of the tier above, the client
        (
            "2.9",
            [
                "deepseek/deepseek-chat",
                "google/gemini-2.0-flash-exp",
                "google/gemini-2.0-flash-thinking-exp",
                SONNET,
                CLIENT,
            ],
        ),
        # o1-mini costs what a medium model costs
        ("3", ["google/gemini-1.5-pro", "litellm/gpt-4o", "litellm/o1-mini", OPUS, CLIENT]),
        # there is no tier above, and no route twice
        ("6", [O1, OPUS, CLIENT]),
    ],
)
def test_a_chain_holds_the_next_two_a_reliable_one_and_the_client(run, complexity, chain):
    assert selected(run, "--complexity", complexity)["fallback_chain"] == chain


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("litellm/gpt-4o", "litellm/gpt-4o"),
        ("claude-opus", OPUS),
        ("gemini-pro", "google/gemini-1.5-pro"),
        ("deepseek-r1", "deepseek/deepseek-reasoner"),
        ("anthropic", SONNET),
    ],
)
def test_what_is_preferred_goes_first_by_any_of_its_names(run, name, first):
    chain = selected(run, "--complexity", "4", "--preferred", name)["fallback_chain"]
    assert chain[0] == first
    assert len(chain) == len(set(chain))


def test_a_preferred_model_without_the_capability_gives_way(run):
    options = ("--complexity", "2", "--requires-vision", "--preferred", "deepseek/deepseek-chat")
    found = selected(run, *options)
    assert found["model"] == "gemini-2.0-flash-exp"
    assert found["reasoning"] == "Complexity: 2, selected cheapest capable: gemini-2.0-flash-exp"


def test_what_was_preferred_and_taken_is_called_so(run):
    found = selected(run, "--complexity", "2", "--preferred", "anthropic")
    assert found["reasoning"] == f"Complexity: 2, preferred: {found['model']}"
    assert found["provider"] == "anthropic"


@pytest.mark.parametrize("complexity", [-1, 10.5, float("nan"), float("inf")])
def test_the_python_api_refuses_a_complexity_that_is_none(config, complexity):
    with pytest.raises(UsageError, match=r"allowed: a number, 0 to 10"):
        ProviderSelector(str(config)).select_provider(complexity)


def test_a_chain_begins_with_the_provider_asked_for(run):
    done = run("fallback-chain", "--provider", "litellm/gpt-4o-mini")
    assert done.stdout.startswith("litellm/gpt-4o-mini -> deepseek/deepseek-chat -> google/")
    assert done.stdout.endswith(f"{SONNET} -> {CLIENT}\n")


@pytest.mark.parametrize(
    "line",
    [
        "select --complexity 3",
        "select --complexity 3 --requires-vision",
        "select --complexity 3 --requires-tools",
        "select --complexity 3 --requires-json-mode",
        "select --complexity 4 --preferred litellm/gpt-4o",
        "select --complexity 3 --json",
        "list",
        "list --verbose",
        "list --json",
        "fallback-chain --provider litellm/gpt-4o-mini",
        "--help",
    ],
)
def test_every_command_of_the_reference_runs(run, line):
    done = run(*line.split())
    assert (done.returncode, done.stderr) == (0, "")
    if "--json" in line:
        assert json.loads(done.stdout)


def test_the_list_shows_all_thirteen_with_their_prices(run):
    rows = {row["key"]: row for row in json.loads(run("list", "--json").stdout)}
    assert len(rows) == 13
    mini = rows["litellm/gpt-4o-mini"]
    assert (mini["input_usd_per_mtok"], mini["output_usd_per_mtok"]) == (0.15, 0.6)


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("select", 2, "--complexity is missing"),
        ("select --complexity 11", 2, "allowed: a number, 0 to 10"),
        ("select --complexity 3 extra", 2, "'extra' is one word too many"),
        ("select --complexity 3 --preferred nobody", 2, "'nobody' is not enabled"),
        ("select --complexity 3 --requires-smell", 2, "unknown option --requires-smell"),
        ("fallback-chain", 2, "--provider is missing"),
        ("choose", 2, "name a command: select, list, fallback-chain"),
    ],
)
def test_a_mistake_is_one_line(run, line, code, told):
    done = run(*line.split())
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_where_nothing_has_the_capabilities_no_provider_matches(config, run):
    overlay = json.loads((config / "local.json").read_text("utf-8"))
    rows = overlay["providers"]["providers"]
    for row in rows.values():
        for model in row.get("models", ()):
            model["capabilities"] = ["tools"]
    (config / "local.json").write_text(json.dumps(overlay), "utf-8")
    try:
        done = run("select", "--complexity", "3", "--requires-vision")
    finally:
        shutil.copy(ROOT / "tests/data/thirteen_models/local.json", config / "local.json")
    assert done.returncode == 3
    assert "no provider matches" in done.stderr


def test_the_python_api_selects(config):
    script = (
        "from lib.provider_selector import ProviderSelector\n"
        f"selector = ProviderSelector(config_path={str(config)!r})\n"
        "result = selector.select_provider(complexity=4, requires_vision=True,"
        " requires_tools=False, preferred_provider=None)\n"
        "print(result.provider, result.model, result.fallback_chain[0])\n"
        "print(f'{result.reasoning} ${result.cost_estimate:.4f}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "google gemini-1.5-pro google/gemini-1.5-pro",
        "Complexity: 4, selected cheapest capable: gemini-1.5-pro $0.0061",
    ]
