"""A task that is routed to the real proxy: answered, booked, and handed on when it fails."""

import json

import pytest
from proxies import ANSWER, KEY
from support import Watch, wait

TASK = "Explain what a mutex is"


@pytest.fixture
def start(pointed):
    """Run a task on the proxy, JSON on stdout."""

    def run(*words, task=TASK):
        chosen = ("--yes", "--json", *words)
        return pointed.run(*chosen, str(pointed.repo), task, timeout_s=90)

    return run


def prices(place, model):
    overlay = json.loads((place.config / "gateway.json").read_text(encoding="utf-8"))
    return overlay["prices"]["models"][f"litellm/{model}"]


@pytest.mark.parametrize(
    ("tier", "model", "answer"),
    [("cheap", "quick", ANSWER), ("powerful", "strong", "The powerful one answers.")],
)
def test_a_task_is_answered_and_booked_at_tokens_times_price(start, pointed, tier, model, answer):
    run = start("--provider", "litellm", "--tier", tier)
    assert run.code == 0, run
    assert run.line["result"] == answer
    (attempt,) = run.attempts
    assert (attempt["provider"], attempt["model"], attempt["tier"]) == ("litellm", model, tier)
    assert attempt["usage_known"]
    price = prices(pointed, model)
    cost = attempt["input_tokens"] * price["input_usd_per_mtok"]
    cost += attempt["output_tokens"] * price["output_usd_per_mtok"]
    assert attempt["cost_usd"] == pytest.approx(cost / 1e6, abs=1e-6)
    assert attempt["cost_usd"] > 0
    assert pointed.usage("litellm")["cost_today"] == pytest.approx(attempt["cost_usd"])
    (line,) = pointed.usage_lines()
    assert (line["cost_usd"], line["cost_source"]) == (attempt["cost_usd"], "tokens")
    assert line["price_version"] == price["version"]
    assert line["price_version"].startswith("LiteLLM proxy 20")


def test_a_task_that_needs_pictures_goes_to_a_model_that_the_proxy_says_sees_them(start):
    run = start("--provider", "litellm", "--tier", "medium", "--requires", "vision")
    assert run.code == 0, run
    assert run.metrics["model"] == "its-owner-prices-it"
    assert run.line["result"] == "My owner knows what I cost."


def test_the_doctor_shows_it_ready_and_when_it_worked(start, pointed):
    assert start("--provider", "litellm").code == 0
    done = pointed.script("doctor.sh", "--provider", "litellm")
    assert done.code == 0, done
    assert "LiteLLM can take a task" in done.out
    assert "LITELLM_API_KEY is set; worked now" in done.out
    assert KEY not in done.out + done.err


def test_without_a_provider_asked_for_it_takes_what_the_others_have_no_key_for(start, pointed):
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"):
        pointed.environment.pop(name)
    run = start()
    assert run.code == 0, run
    assert run.metrics["provider"] == "litellm"


def test_a_key_that_is_refused_falls_back_and_is_in_no_log(start, pointed):
    wrong = "sk-a0wrong0key0q7w5e3r1t9y2u4i6"
    pointed.environment["LITELLM_API_KEY"] = wrong
    run = start("--preferred-provider", "litellm")
    assert run.code == 0, run
    assert [(a["provider"], a["error_class"]) for a in run.attempts] == [
        ("litellm", "AUTH"),
        ("gemini", None),
    ]
    logged = "".join(map(json.dumps, [*pointed.usage_lines(), *pointed.decisions()]))
    assert wrong not in "".join([run.out, run.err, logged, *pointed.transcripts()])


@pytest.mark.parametrize(
    ("model", "failure"),
    [("busy", "RATE_LIMIT"), ("broken", "SERVER"), ("narrow", "CONTEXT_LENGTH")],
)
def test_what_the_proxy_refuses_is_understood_and_handed_on(start, model, failure):
    run = start("--preferred-provider", f"litellm/{model}")
    assert run.code == 0, run
    first, *_, last = run.attempts
    assert (first["model"], first["error_class"]) == (model, failure)
    assert last["error_class"] is None


def test_a_model_without_a_price_is_refused_under_a_budget_and_runs_when_allowed(start):
    refused = start("--provider", "litellm", "--model", "nobody-prices-it")
    assert refused.code != 0
    assert "has no price" in refused.err
    run = start("--provider", "litellm", "--model", "nobody-prices-it", "--allow-unpriced")
    assert run.code == 0, run
    (attempt,) = run.attempts
    assert (attempt["cost_usd"], attempt["cost_source"]) == (None, "unpriced")


def test_a_proxy_that_is_killed_in_mid_call_falls_back(own_proxy, place):
    proxy = own_proxy()
    place.environment |= proxy.variables
    assert place.script("litellm_proxy.sh", "--models").code == 0
    chosen = ("--yes", "--json", "--preferred-provider", "litellm/slow")
    process = place.start(*chosen, str(place.repo), TASK)
    folder = place.state / ".state" / "inflight"
    assert wait(lambda: any(b"attempt" in p.read_bytes() for p in folder.glob("*")), 30)
    assert wait(lambda: "/chat/completions" in proxy.told or connected(proxy.port), 30)
    proxy.process.kill()
    proxy.process.wait(10)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    attempts = json.loads(out)["execution_metrics"]["attempts"]
    assert [(a["provider"], a["error_class"]) for a in attempts] == [
        ("litellm", "NETWORK"),
        ("gemini", None),
    ]
    assert place.usage("litellm")["reservations"] == {}


def test_the_key_is_in_no_command_line_and_in_nothing_that_is_kept(proxy, start, pointed):
    with Watch(pointed) as watch, Watch(proxy.place) as theirs:
        assert start("--provider", "litellm").code == 0
        assert pointed.script("litellm_proxy.sh", "--models").code == 0
        assert wait(lambda: theirs.lines, 5)
    lines = watch.lines | theirs.lines
    assert len(lines) >= 3
    assert not [line for line in lines if KEY.encode() in line]
    kept = [
        path
        for folder in (pointed.folder, proxy.place.folder)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert len(kept) > 5
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]


def connected(port):
    """Tell whether somebody has a connection to a port of this machine open."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)
