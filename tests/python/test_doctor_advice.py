"""What the doctor advises: a line for every problem, the most important first."""

import copy

import pytest

from orchestrator.insight.advice import problems

CLOSED = {"state": "closed", "blocks": False, "failures": 0}
OUT = {
    "state": "outage",
    "blocks": True,
    "failures": 3,
    "since": "2026-11-20T10:00:00.000Z",
    "until": None,
    "probe_at": "2026-11-20T10:05:00.000Z",
    "error": "HTTP 503",
}
ROW = {
    "row": "requests/60s",
    "used": 10,
    "reserved": 0,
    "limit": 100,
    "percent": 10.0,
    "block_at_percent": 80.0,
    "sources": [],
    "differ": False,
}
SOURCE = {"source": "headers", "used": 79, "percent": 79.0, "resets_at": None}
PLAN = {"row": "percent/18000s@plan", "limit": 100, "used": None}
WAY = {
    "account": "openai",
    "client": "codex",
    "install": "npm install -g @openai/codex",
    "login": None,
    "key_variables": ["OPENAI_API_KEY"],
    "unready": None,
}
NO_CLIENT = {"unready": "the codex client is not installed"}
NO_KEY = {"client": None, "unready": "OPENAI_API_KEY is not set"}
FOLDER = {"path": "/s", "problem": None, "free_bytes": 10**9, "warning": None}
CODEX = {"optional": False, "blocks": [], "transports": [WAY], "limits": [ROW]}
FINE = {
    "config": {"problems": [], "faults": []},
    "never": None,
    "packages_missing": [],
    "folders": {"state": FOLDER, "logs": FOLDER},
    "state_troubles": [],
    "accounts": {"openai": CLOSED},
    "providers": {"codex": CODEX},
    "budgets": {"day": {"spent_usd": 1, "limit_usd": 2, "percent": 50, "advice": None}},
    "programs": {"codex": {"path": "/b/codex", "version": "1.2", "problem": None}},
    "deferred": {"pending": 0, "due": 0},
    "in_flight": {"running": 0, "left_behind": 0},
}


def changed(*changes):
    """Change parts of a report in which nothing is wrong, each named by its path."""
    report = copy.deepcopy(FINE)
    for path, value in changes:
        *above, last = path.split("/") if isinstance(path, str) else path
        place = report
        for name in above:
            place = place[int(name) if isinstance(place, list) else name]
        place[int(last) if isinstance(place, list) else last] = value
    return report


def codex(part, value):
    return f"providers/codex/{part}", value


def account(**changes):
    return ("accounts/openai", OUT | changes)


def trouble(what, *, provider="", ends=False):
    return ("state_troubles", [{"provider": provider, "what": what, "ends": ends}])


CASES = {
    "a faulty setting": (
        [("config/problems", ["config/local.json: a.b: is 1: a text"])],
        ("configuration: config/local.json: a.b: is 1: a text -> correct config/local.json, "
        "then make check-config"),
    ),
    "a model without a price": (
        [("config/faults", ["config/prices.json: models.m: is missing: a price"])],
        (
            "configuration: config/prices.json: models.m: is missing: a price -> correct "
            "config/prices.json, then make check-config"
        ),
    ),
    "no provider that takes any task": (
        [("never", "nobody (codex: no price)")],
        "configuration: nobody (codex: no price) -> make check-config",
    ),
    "a package that is missing": (
        [("packages_missing", ["filelock"])],
        "python: the package filelock is missing -> make setup",
    ),
    "a folder that can't be used": (
        [("folders/logs", FOLDER | {"problem": "/l: is not a folder; move it away"})],
        "logs: /l: is not a folder -> move it away",
    ),
    "a disk that is full": (
        [("folders/state", FOLDER | {"free_bytes": 4096})],
        "state: /s: 4 kB are free -> make room: a start without it is refused",
    ),
    "a folder over a network": (
        [("folders/state", FOLDER | {"warning": "/s: nfs; see ORCHESTRATE_STATE"})],
        "state: /s: nfs -> see ORCHESTRATE_STATE",
    ),
    "a usage file that is not sound": (
        [trouble("/s/codex: no", provider="codex")],
        ("state: /s/codex: no -> scripts/repair_state.sh builds it anew from the logs, "
        "as the next start does"),
    ),
    "a file all share that is not sound": (
        [trouble("/s/x: no")],
        "state: /s/x: no -> nothing: it counts as empty, and is written anew when it is needed",
    ),
    "a file of a newer version": (
        [trouble("/s/x: was written by a newer version; update, or move it away", ends=True)],
        "state: /s/x: was written by a newer version -> update, or move it away",
    ),
    "an outage": (
        [account()],
        ("openai: outage since 2026-11-20 10:00 UTC: HTTP 503 -> nothing: one attempt looks again "
        "at 2026-11-20 10:05 UTC; to look at once, scripts/doctor.sh --clear openai"),
    ),
    "an outage whose probe is due": (
        [account(blocks=False)],
        ("openai: outage since 2026-11-20 10:00 UTC: HTTP 503 -> nothing: one attempt looks again "
        "with the next task; to look at once, scripts/doctor.sh --clear openai"),
    ),
    "a wall that tells its end": (
        [account(state="window", until="2026-11-20T12:00:00.000Z", probe_at=None)],
        ("openai: limit reached since 2026-11-20 10:00 UTC: HTTP 503 -> nothing: it ends at "
        "2026-11-20 12:00 UTC; if it ended before, scripts/doctor.sh --clear openai"),
    ),
    "a wall that a person ends": (
        [account(state="person", probe_at=None)],
        ("openai: money or a plan is needed since 2026-11-20 10:00 UTC: HTTP 503 -> see to that, "
        "then scripts/doctor.sh --clear openai"),
    ),
    "a provider with no client and no key": (
        [codex("transports", [WAY | NO_CLIENT, WAY | NO_KEY])],
        ("codex: the codex client is not installed; OPENAI_API_KEY is not set -> "
        "npm install -g @openai/codex and log in (run codex), or export OPENAI_API_KEY"),
    ),
    "an address that holds credentials": (
        [codex("transports", [WAY, WAY | {"unready": "U holds credentials; take them out"}])],
        "codex: U holds credentials -> take them out",
    ),
    "a way no task may take": (
        [codex("blocks", [{"kind": "access", "reason": "no price; see make prices"}])],
        "codex: no price -> see make prices",
    ),
    "a row at its block": (
        [codex("limits", [ROW | {"used": 79, "reserved": 1, "sources": [SOURCE]}])],
        ("codex: requests/60s is at 80%, and blocks from 80% on -> nothing: there is room again "
        "as its window moves on; config/local.json can raise providers.codex.limits"),
    ),
    "a row at its block whose source tells its reset": (
        [
            codex("limits", [
                ROW | {
                    "used": 79, "reserved": 1,
                    "sources": [SOURCE | {"resets_at": "2026-11-20T11:00:00.000Z"}],
                }
            ])
        ],
        ("codex: requests/60s is at 80%, and blocks from 80% on -> nothing: there is room again "
        "at 2026-11-20 11:00 UTC; config/local.json can raise providers.codex.limits"),
    ),
    "sources that differ": (
        [codex("limits", [ROW | {"differ": True, "sources": [SOURCE]}])],
        ("codex: requests/60s: sources differ (headers 79%) -> look at its own page, "
        "then scripts/poll_usage.sh --set codex.FIGURE=NUMBER"),
    ),
    "a plan in use of which nothing is known": (
        [
            codex("limits", [ROW | PLAN]),
            codex("transports", [WAY | {"account": "plan", "login": True}]),
        ],
        ("codex: how full the windows of its plan are is not known -> make poll, "
        "or scripts/poll_usage.sh --manual"),
    ),
    "a budget that comes to a threshold": (
        [("budgets/day/advice", "Switch to budget-tier providers")],
        "budget: $1.00 of $2.00 this day (50%) -> Switch to budget-tier providers",
    ),
    "a client that hangs": (
        [("programs/codex/problem", "hangs: no answer")],
        ("codex: hangs: no answer -> run it yourself: /b/codex --version; or install it anew: "
        "npm install -g @openai/codex"),
    ),
    "no git": (
        [("programs/git", {"path": None, "version": None, "problem": "not installed"})],
        ("git: not installed -> install it (apt-get install git): without it edits are made "
        "in place"),
    ),
    "a task left behind": (
        [("in_flight/left_behind", 1)],
        ("tasks: 1 was left behind by starts that died -> nothing: the next start settles them, "
        "or repair_state.sh"),
    ),
    "a deferred task that is due": (
        [("deferred", {"pending": 3, "due": 2})],
        "tasks: 2 of 3 deferred tasks are due -> scripts/run_deferred.sh --yes",
    ),
}  # fmt: skip
NOTHING_TO_DO = {
    "nothing is wrong": [],
    "an optional provider without its key": [
        ("providers/more", CODEX | {"optional": True, "transports": [WAY | NO_KEY]}),
    ],
    "one way of several is not ready": [codex("transports", [WAY | NO_CLIENT, WAY])],
    "a plan that nobody uses is not known": [codex("limits", [ROW | PLAN])],
    "a client that is not installed where another way is ready": [
        ("programs/codex", {"path": None, "version": None, "problem": "not installed"})
    ],
    "no jq": [("programs/jq", {"path": None, "version": None, "problem": "not installed"})],
    "a row just below its block": [codex("limits", [ROW | {"used": 79}])],
    "a row nobody knows": [codex("limits", [ROW | {"used": None, "reserved": None}])],
}


@pytest.mark.parametrize("case", CASES)
def test_each_problem_is_one_line_with_what_to_do(case):
    changes, line = CASES[case]
    (told,) = problems(changed(*changes))
    assert f"{told.about}: {told.what} -> {told.do}" == line


@pytest.mark.parametrize("case", NOTHING_TO_DO)
def test_what_is_no_problem_is_not_told(case):
    assert problems(changed(*NOTHING_TO_DO[case])) == []


def test_the_most_important_comes_first_and_nothing_twice():
    report = changed(
        ("deferred", {"pending": 1, "due": 1}),
        codex("limits", [ROW | {"used": 100}]),
        ("accounts", {"a": OUT, "b": OUT | {"state": "person"}}),
        trouble("/s/codex: no", provider="codex"),
        ("folders/logs", FOLDER | {"problem": "/l: full; make room"}),
        ("config/problems", ["x: y"] * 2),
    )
    told = [problem.about for problem in problems(report)]
    assert told == ["configuration", "logs", "state", "b", "a", "codex", "tasks"]


def test_an_account_with_blanks_in_its_name_is_quoted_for_the_shell():
    (told,) = problems(changed(("accounts", {"my team": OUT})))
    assert told.do.endswith("scripts/doctor.sh --clear 'my team'")
