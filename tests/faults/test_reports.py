"""scripts/report.sh, make report and lib/cost_report.py: what they print, and how they end."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest
import test_poll_usage
from support import ROOT, finished

from orchestrator import clock
from orchestrator.state.journal import DECISIONS, USAGE

reporting = test_poll_usage.reporting  # the same upstream tells what it billed
NOW = clock.iso(clock.now_ms())
FACE = ROOT / "lib" / "cost_report.py"


def line(task="t1", **changes):
    made = {
        "schema": 1, "timestamp": NOW, "task_id": task, "provider": "codex", "model": "gpt-6-luna",
        "account": "openai", "billing": "metered", "complexity": 2.0, "requests": 1,
        "input_tokens": 100_000, "output_tokens": 1000, "cached_input_tokens": 0,
        "cost_usd": 0.25, "cost_notional_usd": 0.0, "cost_source": "tokens",
        "booked_day": NOW[:10], "latency_ms": 900, "success": True, "fallback_used": False,
    }  # fmt: skip
    return {**made, **changes}


def write(place, *lines, log=USAGE):
    place.logs.mkdir(mode=0o700, exist_ok=True)
    with (place.logs / log).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in lines)


def start(place, *words, environment=None):
    return finished(place.command(*words, environment=environment))


@pytest.fixture
def report(place):
    def run(*words, **environment):
        return start(place, ROOT / "scripts/report.sh", *words, environment=environment)

    return run


def told(run):
    """Read the one line an error is."""
    assert run.out == "", run
    assert len(run.err.splitlines()) == 1, run
    return run.err


def test_the_total_equals_what_jq_sums_over_the_log(place, report):
    amounts = [0.1, 0.000001, 12.345678, 0.2, None, 0.3]
    write(place, *(line(f"t{n}", cost_usd=usd) for n, usd in enumerate(amounts)))
    words = ["jq", "-s", "map(.cost_usd // 0) | add", place.logs / USAGE]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = report("--json").line
    assert found["total_cost_usd"] == round(float(done.stdout), 6)
    assert found["unpriced_requests"] == 1


def test_a_task_that_ran_is_in_the_report_of_its_tier_and_agent(place, report, simulator):
    place.make_repository()
    words = ("--yes", "--transport", "api", str(place.repo), "Fix the bug in the data loader")
    assert place.run(*words).code == 0
    found = report("--json").line
    (row,) = found["by_agent"]
    (usage,) = place.usage_lines()
    assert found["total_cost_usd"] == usage["cost_usd"] > 0
    assert (row["agent"], row["requests"]) == (
        place.decisions()[0]["recommendation"]["agent_assigned"], 1
    )  # fmt: skip
    assert found["by_tier"][0]["tier"] == usage["tier"] != "-"
    assert found["by_repository"][0]["repository"] == str(place.repo)
    assert found["savings"]["rows"][0]["plain_input_tokens"] == usage["input_tokens"]


def test_people_get_a_page_and_make_passes_options_on(place, report):
    write(place, line())
    page = report("--days", "30")
    assert (page.code, page.err) == (0, ""), page
    assert page.out.startswith("Cost report · last 30 days · ")
    assert "\x1b" not in page.out
    made = start(place, "make", "-s", "-C", ROOT, "-o", "setup", "report", "OPTIONS=--days 30")
    assert made.out == page.out, made


def test_days_come_from_an_option_then_from_the_environment_then_are_seven(place, report):
    write(place, line())
    assert report("--json").line["period"]["days"] == 7
    assert report("--json", COST_REPORT_DAYS="30").line["period"]["days"] == 30
    assert report("--json", "--days", "2", COST_REPORT_DAYS="30").line["period"]["days"] == 2


def test_the_months_budget_comes_from_the_environment(place, report):
    write(place, line(cost_usd=25))
    found = report("--json", MONTHLY_COST_BUDGET="50").line
    assert found["budgets"]["month"]["limit_usd"] == 50
    assert found["budgets"]["month"]["percent"] == 50
    page = report("--this-month", MONTHLY_COST_BUDGET="50").out
    assert "Month-to-date spend: $25.00 / $50.00 (50.0%)" in page


def test_one_table_or_all_as_csv(place, report):
    write(place, line())
    (row,) = csv.DictReader(io.StringIO(report("--csv", "--table", "by_model").out))
    assert (row["model"], row["cost_usd"], row["requests"]) == ("gpt-6-luna", "0.25", "1")
    rows = list(csv.DictReader(io.StringIO(report("--csv").out)))
    assert {"by_provider", "by_day", "savings_rows"} <= {row["table"] for row in rows}


@pytest.mark.parametrize("form", ["--detailed", "--summary", "--csv", "--json"])
def test_row_66_what_a_log_holds_does_not_act_on_a_terminal(place, report, form):
    write(place, line(provider="\x1b[2Jevil\u202e", model="\x07m"))
    run = report(form)
    assert run.code == 0, run
    assert not {"\x1b", "\x07", "\u202e"} & set(run.out)


USAGE_ERRORS = [
    ("--days", "0"),
    ("--days", "seven"),
    ("--days",),
    ("--since", "soon"),
    ("--since", "yesterday", "--days", "3"),
    ("--since", "yesterday", "--this-month"),
    ("--until", "yesterday", "--this-month"),
    ("--since", "today", "--until", "yesterday"),
    ("--table", "by_model"),
    ("--csv", "--table", "by_moon"),
    ("--provider", "mistral"),
    ("--every",),
    ("codex",),
]


@pytest.mark.parametrize("words", USAGE_ERRORS, ids=" ".join)
def test_what_it_cannot_use_is_named_with_exit_2(place, report, words):
    write(place, line())
    run = report(*words)
    assert run.code == 2, run
    assert told(run).startswith("orchestrate: ")


@pytest.mark.parametrize(
    "environment",
    [
        {"MONTHLY_COST_BUDGET": "$100"},
        {"MONTHLY_COST_BUDGET": "1e3"},
        {"MONTHLY_COST_BUDGET": "-5"},
        {"MONTHLY_COST_BUDGET": "nan"},
        {"COST_REPORT_DAYS": "7 days"},
        {"COST_REPORT_DAYS": "0"},
        {"COST_REPORT_DAYS": "1.5"},
    ],
    ids=str,
)
def test_a_variable_that_holds_no_plain_number_is_named_with_exit_8(place, report, environment):
    write(place, line())
    run = report(**environment)
    assert run.code == 8, run
    assert next(iter(environment)) in told(run)


@pytest.mark.parametrize("data", [None, ""])
def test_a_log_that_is_missing_or_empty_is_named_with_exit_2(place, report, data):
    if data is not None:
        write(place)
    run = report()
    assert run.code == 2, run
    assert str(place.logs / USAGE) in told(run)


@pytest.mark.parametrize(
    "bad", ['{"schema": 1, "times', json.dumps(line(schema=7)), json.dumps(line(cost_usd="$0.51"))]
)
def test_an_unsound_line_is_exit_8_with_nothing_half_printed(place, report, bad):
    write(place, line())
    with (place.logs / USAGE).open("a", encoding="utf-8") as file:
        file.write(bad + "\n")
    for form in ("--json", "--csv", "--summary", "--detailed"):
        run = report(form)
        assert run.code == 8, run
        assert f"{place.logs / USAGE}: line 2: " in told(run)


def test_a_reader_that_has_enough_ends_it_quietly(place):
    write(place, line())
    words = f"'{ROOT}/scripts/report.sh' --csv | head -1; echo ${{PIPESTATUS[0]}}"
    run = start(place, "bash", "-c", words)
    assert (run.out.splitlines()[-1], run.err) == ("0", ""), run


def face(place, *words, python=sys.executable, environment=None):
    return start(place, python, FACE, *words, environment=environment)


def test_the_seeds_commands_run(place):
    write(place, line("t1"), line("t2", provider="claude", cost_usd=1.0))
    assert face(place, "report", "--json", "--days", "7").line["total_cost_usd"] == 1.25
    assert "By provider and role" in face(place, "report", "--verbose").out
    summary = face(place, "summary").out
    assert summary.startswith("Last 7 days: 2 requests, $1.25 spent")
    one = face(place, "provider-breakdown", "--provider", "claude", "--days", "30")
    assert "claude only" in one.out.splitlines()[0]
    assert "$1.00" in one.out


@pytest.mark.parametrize("words", [(), ("nothing",), ("provider-breakdown",), ("report", "--x")])
def test_a_command_of_the_seed_that_is_wrong_is_exit_2(place, words):
    run = face(place, *words)
    assert run.code == 2, run
    told(run)


def bare_python(place):
    """Make an interpreter that has no packages: the project's are in its .venv."""
    made = place.folder / "bare"
    base = os.path.join(sys.base_prefix, "bin", "python3")
    words = [base, "-m", "venv", "--without-pip", made]
    subprocess.run(words, check=True)
    return made / "bin" / "python"


def test_the_face_finds_the_projects_packages_by_itself(place):
    if not (ROOT / ".venv/bin/python").exists():
        pytest.skip("there is no .venv")
    write(place, line())
    python = bare_python(place)
    assert face(place, "report", "--json", python=python).line["total_cost_usd"] == 0.25
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from lib.cost_report import CostReportGenerator\n"
        "generator = CostReportGenerator(log_path=sys.argv[2])\n"
        "report = generator.generate_report(days=7)\n"
        "print(report.total_requests, f'{report.total_cost:.2f}', f'{report.savings:.2f}',\n"
        "      f'{report.savings_percent:.1f}')\n"
        "generator.print_report(report, verbose=True)\n"
    )
    for log in (place.logs, place.logs / USAGE):
        run = start(place, python, "-c", program, ROOT, log)
        assert run.code == 0, run
        assert run.out.startswith("1 0.25 ")
        assert "By provider and role" in run.out


def booked(run):
    return {row["account"]: row for row in run.line["reconciled"]}


def test_books_that_agree_with_the_bill_are_said_to(place, report, reporting):
    reporting.play("codex", outside_cost_micro_usd=1_000_000)
    reporting.play("claude", outside_cost_micro_usd=2_000_000)
    write(place, line("t1", cost_usd=0.97), line("t2", account="anthropic", cost_usd=2.0))
    write(place, line("t3", account="chatgpt", billing="subscription", cost_usd=0.0))
    run = report("--reconcile", "--json")
    assert (run.code, run.err) == (0, ""), run
    rows = booked(run)
    assert (rows["openai"]["booked_usd"], rows["openai"]["billed_usd"]) == (0.97, 1.0)
    assert (rows["openai"]["percent"], rows["openai"]["state"]) == (3.0, "agrees")
    assert rows["anthropic"]["state"] == "agrees"
    assert not (place.logs / "alerts.jsonl").exists()
    page = report("--reconcile").out
    assert "openai" in page
    assert "$0.97" in page


def test_books_more_than_five_percent_apart_are_an_alert(place, report, reporting):
    reporting.play("codex", outside_cost_micro_usd=1_000_000)
    reporting.play("claude", outside_cost_micro_usd=1_000_000)
    write(place, line("t1", cost_usd=0.94), line("t2", account="anthropic", cost_usd=1.0))
    run = report("--reconcile")
    assert run.code == 0, run
    assert "openai: booked $0.94, billed $1.00" in run.err
    (alert,) = [
        json.loads(each) for each in (place.logs / "alerts.jsonl").read_text("utf-8").splitlines()
    ]
    assert (alert["kind"], alert["account"], alert["percent"]) == ("reconcile", "openai", 6.0)
    place.settings(poll={"reconcile_percent": 10})
    assert report("--reconcile").err == ""


def test_only_the_days_asked_for_are_held_against_the_bill(place, report, reporting):
    reporting.play("codex", outside_cost_micro_usd=1_000_000)  # today
    before = clock.iso(clock.now_ms() - 2 * 86_400_000)
    write(place, line("t1", timestamp=before, booked_day=before[:10], cost_usd=3.0))
    write(place, line("t2", cost_usd=1.0))
    rows = booked(report("--reconcile", "--json", "--days", "1"))
    assert (rows["openai"]["booked_usd"], rows["openai"]["billed_usd"]) == (1.0, 1.0)
    rows = booked(report("--reconcile", "--json", "--since", before[:10], "--until", "yesterday"))
    assert (rows["openai"]["booked_usd"], rows["openai"]["billed_usd"]) == (3.0, 0.0)
    assert rows["openai"]["percent"] == 100.0


def test_an_account_without_its_key_is_named_and_the_others_are_asked(place, report, reporting):
    del place.environment["ANTHROPIC_ADMIN_KEY"]
    write(place, line(cost_usd=0.0))
    rows = booked(report("--reconcile", "--json"))
    assert (rows["openai"]["state"], rows["openai"]["percent"]) == ("agrees", 0.0)
    assert rows["anthropic"]["state"] == "ANTHROPIC_ADMIN_KEY is not set"
    del place.environment["OPENAI_ADMIN_KEY"]
    run = report("--reconcile")
    assert run.code == 4, run
    assert "OPENAI_ADMIN_KEY or ANTHROPIC_ADMIN_KEY" in told(run)


def test_a_bill_that_cannot_be_read_is_one_line_and_no_alert(place, report, reporting):
    for name in ("codex", "claude"):
        reporting.play(name, admin_key="another")
    write(place, line(cost_usd=1.0))
    run = report("--reconcile")
    assert run.code == 5, run
    assert "openai: the key was refused (HTTP 401)" in run.err
    assert not (place.logs / "alerts.jsonl").exists()


def test_the_report_writes_nothing(place, report):
    write(place, line())
    write(place, log=DECISIONS)
    before = set(place.folder.rglob("*"))
    assert report("--detailed").code == 0
    assert set(place.folder.rglob("*")) == before
