"""The shipped catalog: 54 agents in 23 categories, each with a task that selects it."""

import json
from pathlib import Path

import pytest

from orchestrator.decide import agents
from orchestrator.decide.words import words_of

TASKS = Path(__file__).resolve().parents[1] / "data" / "agent_tasks.jsonl"
ROWS = [json.loads(line) for line in TASKS.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['agent']}: {row['task'][:40]}")
def test_a_realistic_task_selects_its_agent(catalog, row):
    found = agents.choose(catalog, words_of(row["task"]), row["provider"], row["task_type"], {})
    assert found.name == row["agent"]


def test_every_agent_is_selected_by_some_task(shipped):
    assert {row["agent"] for row in ROWS} == set(shipped.agents["agents"])


def test_there_are_54_agents_in_23_categories(shipped):
    rows = shipped.agents["agents"]
    assert len(rows) == 54
    assert len({row["category"] for row in rows.values()}) == 23


def test_the_architect_of_the_seed_is_known_by_its_name_there(catalog):
    assert catalog.aliases["claude-architect"] == "architect"


def test_no_alias_is_the_name_of_an_agent(catalog):
    assert not set(catalog.aliases) & set(catalog.agents)


def test_every_agent_has_an_instruction_text_of_its_own(root, shipped):
    texts = {path.stem: path.read_text("utf-8") for path in (root / "config/agents").glob("*.md")}
    assert set(texts) == set(shipped.agents["agents"])
    assert len({text.strip() for text in texts.values()}) == len(texts)
    assert all(len(text) > 300 for text in texts.values())


def test_every_provider_has_agents_that_edit_and_agents_that_read(shipped):
    for provider in ("codex", "gemini", "claude"):
        fitting = [r for r in shipped.agents["agents"].values() if provider in r["providers"]]
        assert {row["access"] for row in fitting} == {"read", "edit"}


def test_agents_name_only_providers_and_task_types_that_exist(shipped):
    types = {row["task_type"] for rows in shipped.keywords["strong"].values() for row in rows}
    types |= set(shipped.keywords["default_task_type"].values())
    known = {t for row in shipped.agents["agents"].values() for t in row["task_types"]}
    assert types <= known  # every task type the words may give has an agent
    for name, row in shipped.agents["agents"].items():
        assert set(row["providers"]) <= set(shipped.providers), name
