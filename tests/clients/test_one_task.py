"""One task through each real client: what it gets, what it used, what it cost, what it is told."""

import pytest
from support import KEYS, PROVIDERS, Watch

MEGABYTE = 1024 * 1024
TASKS = {
    "an option": "--version",
    "a subcommand": "help",
    "a short option": "-n",
    "a command substitution": "$(touch pwned)",
    "a quote": 'it\'s a "quote" and `another`; 100 %s {} \\n',
    "a newline": "the first line\n\n  the third, café and 木\tend",
    "a megabyte": "x" * 99 + "\n" + "explain this: é" * (MEGABYTE // 16),
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", TASKS)
def test_a_task_on_stdin_reaches_the_upstream_byte_for_byte_and_is_booked_as_billed(
    place, simulator, provider, name
):
    task = TASKS[name]
    place.unlimited()
    for model in place.model_names(provider):  # the simulator's bill knows no dearer long prompts
        place.lay({"prices": {"models": {model: {"above": None}}}})
    run = place.run(
        "--yes", "--json", "--provider", provider, "--transport", "cli", place.repo, "-",
        task=task.encode(),
    )  # fmt: skip
    assert run.code == 0, run
    assert run.metrics["status"] == "success"
    assert run.line["result"] == f"Simulated answer from {provider}."
    assert [task in request["prompt"] for request in simulator.requests()] == [True]
    told, books = run.metrics, simulator.books(provider)
    assert told["input_tokens"] == books["input_tokens"] > 0
    assert told["output_tokens"] == books["output_tokens"] > 0
    rounded_up = round(told["cost_actual"] * 1_000_000) - books["cost_micro_usd"]
    assert rounded_up in (0, 1)
    assert list(place.folder.rglob("pwned")) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_client_gets_its_own_key_alone_and_no_key_or_task_is_in_a_command_line_log_or_state(
    place, simulator, provider
):
    task = "Tell me about the Hippopotamus."
    with Watch(place) as seen:
        run = place.run(
            "--yes", "--json", "--provider", provider, "--transport", "cli", place.repo, "-",
            task=task.encode(),
        )  # fmt: skip
    assert run.code == 0, run
    name, key = KEYS[provider]
    clients = {
        line: environment
        for line, environment in seen.environments.items()
        if f"/{provider}\0".encode() in line and b"orchestrate.sh" not in line
    }
    assert clients
    for environment in clients.values():
        assert f"{name}={key}".encode() in environment
        others = {other for other, _ in KEYS.values()} - {name}
        assert not [entry for entry in environment if entry.decode().split("=")[0] in others]
    secrets = [value.encode() for _, value in KEYS.values()]
    assert not [line for line in seen.lines if any(text in line for text in secrets)]
    assert not [line for line in seen.lines if b"Hippopotamus" in line]
    kept = [path for path in (*place.logs.rglob("*"), *place.state.rglob("*")) if path.is_file()]
    assert len(kept) > 3
    assert not [path for path in kept if any(text in path.read_bytes() for text in secrets)]
    assert list(place.temporary.iterdir()) == []
