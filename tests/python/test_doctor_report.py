"""The doctor as it is started: its report, its screen, its exit codes, and that it only looks."""

import json
import os
import subprocess

import pytest
from support import KEYS, PROVIDERS, ROOT, Run

from orchestrator import clock

DOCTOR = ROOT / "scripts" / "doctor.sh"
HANGING = "#!/bin/bash\nexec sleep 60\n"
PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def doctor(place, *words, **changes):
    """Start scripts/doctor.sh in a place; a change that is None takes a variable away."""
    environment = {**place.environment, **PLAIN, **changes}
    done = subprocess.run(
        [DOCTOR, *words],
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def report(place, *words, **changes):
    done = doctor(place, "--json", *words, **changes)
    assert done.out.count("\n") == 1, done
    assert done.line["exit_code"] == done.code
    return done.line


def close(place, **kinds):
    """Write breakers: an outage, or a wall that is there for another hour."""
    now_ms = clock.now_ms()
    rows = {
        account.replace("_", "-"): {
            "failures": 3,
            "kind": kind,
            "since_ms": now_ms - 1000,
            "retry_at_ms": None if kind == "person" else now_ms + 3_600_000,
            "set_ms": now_ms,
            "error": "it said \x1b[31mno\x1b[0m\nto " + KEYS["codex"][1],
            "provider": "codex",
        }
        for account, kind in kinds.items()
    }
    folder = place.state / ".state"
    folder.mkdir(parents=True, exist_ok=True)
    document = {"schema": 1, "accounts": rows}
    (folder / "breakers.json").write_text(json.dumps(document), encoding="utf-8")


def seen(place, **figures):
    """Leave usage files of the flat kind."""
    place.state.mkdir(exist_ok=True)
    for name, fields in figures.items():
        document = {"timestamp": clock.iso(clock.now_ms()), **fields}
        (place.state / f"{name}_usage.json").write_text(json.dumps(document), encoding="utf-8")


def every(kind):
    return dict.fromkeys(("openai", "google", "anthropic"), kind)


def use_up(place):
    seen(place, **{name: {"requests_percent": 100} for name in PROVIDERS})


def no_keys(_):
    return dict.fromkeys((name for name, _ in KEYS.values()))


def spoil_config(place):
    place.lay({"providers": {"settings": {"zone": 7}}})


def newer_breakers(place):
    (place.state / ".state").mkdir(parents=True)
    (place.state / ".state" / "breakers.json").write_text('{"schema": 99}', encoding="utf-8")


def newer_usage(place):
    seen(place, codex={"schema": 99})


def open_logs(place):
    place.logs.mkdir()
    place.logs.chmod(0o777)


def no_prices(place):
    for name in PROVIDERS:
        place.provider(name, enabled=False)
    path = place.config / "prices.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, "models": {}}), encoding="utf-8")
    return {"DEEPSEEK_API_KEY": "sk-simulated0deepseek"}


def nothing_enabled_that_is_ready(place):
    for name in PROVIDERS:
        place.provider(name, enabled="auto")
    return no_keys(place)


CODES = {
    "all is well": (lambda _: None, 0),
    "one of three is up": (lambda place: close(place, openai="outage", google="window"), 0),
    "all are used up": (use_up, 3),
    "all are walled": (lambda place: close(place, **every("person")), 3),
    "all are out": (lambda place: close(place, **every("outage")), 5),
    "no key and no client": (no_keys, 4),
    "no model has a price": (no_prices, 2),
    "only optional providers, none of them ready": (nothing_enabled_that_is_ready, 4),
    "breakers of a newer version": (newer_breakers, 7),
    "a usage file of a newer version": (newer_usage, 7),
    "logs everybody may write to": (open_logs, 7),
    "a faulty configuration": (spoil_config, 8),
}


@pytest.mark.parametrize("case", CODES)
def test_the_exit_code_is_what_a_start_would_have_met(place, case):
    arrange, code = CODES[case]
    changes = arrange(place) or {}
    found = report(place, **changes)
    assert found["exit_code"] == code, found["problems"]
    assert bool(found["ready"]) == (code == 0)
    assert bool(found["problems"]) == (case != "all is well")
    repo = str(place.make_repository() and place.repo)
    if code not in {0, 8}:  # an unsound place ends a start, too
        gone = {**place.environment, **PLAIN, **changes}
        environment = {name: value or "" for name, value in gone.items()}
        assert place.run("--yes", repo, "Fix it", environment=environment).code == code


@pytest.mark.parametrize(("provider", "code"), [("codex", 5), ("claude", 0), ("deepseek", 4)])
def test_of_one_provider_only_that_is_told_and_its_code_is_its_own(place, provider, code):
    close(place, openai="outage")
    found = report(place, "--provider", provider)
    assert (list(found["providers"]), found["exit_code"]) == ([provider], code)


def test_looking_writes_nothing_at_all(place):
    close(place, openai="outage")
    seen(place, codex={"requests_percent": 10})
    (place.state / "claude_usage.json").write_text("{", encoding="utf-8")
    before = {path: path.stat() for path in place.folder.rglob("*")}
    report(place)
    assert {path: path.stat() for path in place.folder.rglob("*")}.keys() == before.keys()
    after = {path: path.stat().st_mtime_ns for path in before if path.is_file()}
    assert after == {path: stat.st_mtime_ns for path, stat in before.items() if path in after}


def test_a_row_tells_used_reserved_limit_and_who_says_so(place):
    now_ms = clock.now_ms()
    figure = {"used": 400, "own": 0, "slot": 0, "observed_at_ms": now_ms, "resets_at_ms": None}
    held = {"at_ms": now_ms, "requests": 1, "tokens": 5, "cost_micro_usd": 300_000}
    held |= {"account": "anthropic", "model": "m", "metered": True}
    held |= {"booked_day": "2026-11-20", "done": [0, 0, 0]}
    books = {"schema": 1, "windows": {}, "reservations": {"a": held}}
    books["observations"] = {"requests/60s": {"headers": figure, "person": figure | {"used": 800}}}
    place.state.mkdir()
    (place.state / "claude_usage.json").write_text(json.dumps(books), encoding="utf-8")
    found = report(place)
    rows = {row["row"]: row for row in found["providers"]["claude"]["limits"]}
    row = rows["requests/60s"]
    assert (row["used"], row["reserved"], row["limit"], row["percent"]) == (800, 1, 1000, 80.0)
    assert {each["source"] for each in row["sources"]} == {"headers", "person", "own calls"}
    assert row["differ"]
    assert rows["cost_usd/day"]["reserved"] == 0.3
    assert rows["percent/18000s@claude-plan"]["used"] is None
    assert found["budgets"]["day"]["reserved_usd"] == 0.3
    assert found["providers"]["claude"]["blocks"][0]["kind"] == "limit"


def test_a_usage_file_that_is_not_sound_is_named_and_the_rest_is_told(place):
    seen(place, codex={"requests_percent": 50})
    (place.state / "claude_usage.json").write_text("{", encoding="utf-8")
    found = report(place)
    assert found["exit_code"] == 0
    assert "claude_usage.json: is not sound JSON" in found["problems"][0]["what"]
    assert found["problems"][0]["do"].startswith("scripts/repair_state.sh")
    assert {row["used"] for row in found["providers"]["claude"]["limits"]} == {None}
    assert found["providers"]["codex"]["limits"][0]["percent"] == 50.0


@pytest.mark.parametrize("name", ["breakers.json", "history.json", "alerts.json"])
def test_a_shared_file_that_is_not_sound_is_named_once(place, name):
    (place.state / ".state").mkdir(parents=True)
    (place.state / ".state" / name).write_text("[", encoding="utf-8")
    found = report(place)
    assert found["exit_code"] == 0
    assert [name in problem["what"] for problem in found["problems"]] == [True]


def test_with_a_faulty_overlay_the_rest_is_told_as_without_it(place):
    spoil_config(place)
    close(place, openai="outage")
    found = report(place)
    assert "settings.zone" in found["problems"][0]["what"]
    assert found["config"]["overlay_left_out"]
    shipped = json.loads((ROOT / "config" / "providers.json").read_text(encoding="utf-8"))
    assert list(found["providers"]) == list(shipped["providers"])
    assert found["accounts"]["openai"]["state"] == "outage"
    assert "without config/local.json" in doctor(place).out


@pytest.mark.parametrize("name", ["providers.json", "schema"])
def test_without_any_configuration_state_logs_and_tools_are_told(place, name):
    (place.config / name).rename(place.config / "elsewhere")
    close(place, openai="outage")
    place.logs.mkdir()
    line = {"provider": "codex", "transport": "api", "account": "openai", "model": "m"}
    line |= {"success": True, "timestamp": "2026-11-20T10:00:00.000Z"}
    (place.logs / "provider_usage.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    found = report(place)
    assert found["exit_code"] == 8
    assert found["providers"] == {}
    assert found["accounts"]["openai"]["state"] == "outage"
    assert found["last_successes"][0]["at"] == "2026-11-20T10:00:00.000Z"
    assert set(found["programs"]) == {"python", "bash", "git", "jq"}
    shown = doctor(place)
    assert (shown.code, shown.err) == (8, "")
    assert "codex" in shown.out
    assert doctor(place, "--clear", "openai").code == 0


def test_no_key_and_no_escape_is_ever_shown(place):
    close(place, openai="outage", **{"evil\x1b[2J": "person"})
    (place.folder / "bin").mkdir()
    for name in ("claude", "codex"):
        client = place.folder / "bin" / name
        client.write_text(
            "#!/bin/bash\nprintf '\\e]0;x\\a%s' \"$OPENAI_API_KEY\"; env >&2; exit 1\n"
        )
        client.chmod(0o700)
    path = f"{place.folder / 'bin'}:{PLAIN['PATH']}"
    for words in ([], ["--json"], ["--clear", "openai"]):
        done = doctor(place, *words, PATH=path)
        assert "\x1b" not in done.out + done.err
        assert "\x07" not in done.out
        for _, key in KEYS.values():
            assert key not in done.out + done.err


@pytest.mark.slow
def test_a_client_that_hangs_is_told_and_holds_nobody_up(place):
    (place.folder / "bin").mkdir()
    for name in PROVIDERS:
        (place.folder / "bin" / name).write_text(HANGING, encoding="utf-8")
        (place.folder / "bin" / name).chmod(0o700)
    found = report(place, PATH=f"{place.folder / 'bin'}:{PLAIN['PATH']}")
    for name in PROVIDERS:
        assert found["programs"][name]["problem"].startswith("hangs: no answer to --version")
    assert found["programs"]["git"]["version"]


@pytest.mark.parametrize("kind", ["outage", "unknown", "person", "window", "clock", "rate"])
def test_clearing_reopens_an_account_and_says_what_it_was(place, kind):
    close(place, openai=kind, google="person")
    done = doctor(place, "--clear", "openai")
    assert done.code == 0, done
    assert done.out.startswith("openai: was ")
    assert "it said [31mno[0m to [redacted]; now it is closed" in done.out
    assert doctor(place, "--clear=openai").out == "openai: was closed; now it is closed\n"
    told = report(place)["accounts"]
    assert (told["openai"]["state"], told["google"]["state"]) == ("closed", "person")


def test_clearing_an_account_nobody_knows_names_those_there_are(place):
    done = doctor(place, "--clear", "nobody")
    assert done.code == 2
    assert "chatgpt, openai, google-login, google, claude-plan, anthropic" in done.err
    assert not place.state.exists()


@pytest.mark.parametrize(
    "words", [["--now"], ["--json=1"], ["--clear"], ["--provider", ""], ["--provider", "x"], ["x"]]
)
def test_what_it_does_not_know_is_a_usage_error(place, words):
    done = doctor(place, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("width", [60, 200])
def test_the_screen_fits_a_terminal_of_any_width(place, width):
    close(place, openai="outage", google="window", anthropic="person")
    use_up(place)
    terminal = ROOT / "tests" / "bats" / "terminal.py"
    shown = {}
    for colour in ("", "1"):
        done = subprocess.run(
            [place.environment["ORCHESTRATE_PYTHON"], terminal, str(width), "-", DOCTOR],
            env={**place.environment, **PLAIN, "TERM": "xterm", "NO_COLOR": colour},
            capture_output=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        shown[colour] = done.stdout.decode().replace("\r\n", "\n")
    assert "\x1b[31m" in shown[""]
    assert "\x1b" not in shown["1"]
    paths = (str(place.folder.parent), os.sep)
    for line in shown["1"].splitlines():
        assert len(line) < width or any(part in line for part in paths), line
    assert "\nCodex can't take a task: " in shown["1"]
