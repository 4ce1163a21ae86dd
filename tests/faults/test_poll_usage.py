"""scripts/poll_usage.sh: figures with their source, silence from cron, nothing lost by failing."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest
from support import ROOT, Run, finished

from orchestrator import clock

ADMIN = {
    "codex": ("OPENAI_ADMIN_KEY", "sk-admin-simulated0openai0q7w5e3r1t9"),
    "claude": ("ANTHROPIC_ADMIN_KEY", "sk-ant-admin01-simulated0q7w5e3r1t9"),
}
FIVE_HOURS = {"metric": "tokens", "window_s": 18_000, "limit": 100_000, "block_at_percent": 80}


def start(place, *words):
    return place.command(ROOT / "scripts" / "poll_usage.sh", *words)


@pytest.fixture
def poll(place):
    """Run scripts/poll_usage.sh as cron does: no terminal, nothing on stdin."""
    return lambda *words: finished(start(place, *words))


@pytest.fixture
def rows(place):
    """Read the rows of a provider as `filter` tells them: by the row's name."""

    def read(provider):
        python = place.environment["ORCHESTRATE_PYTHON"]
        run = subprocess.run(
            [python, "-I", "-X", "utf8", str(ROOT / "lib"), "filter"],
            env=place.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return {row["row"]: row for row in json.loads(run.stdout)["providers"][provider]["rows"]}

    return read


@pytest.fixture
def reporting(place, simulator):
    """Point the usage APIs of codex and claude at the upstream, with their admin keys."""
    for name, (variable, key) in ADMIN.items():
        shipped = place._shipped(name)["usage_api"]
        moved = {
            part: f"{simulator.url}/{url.split('/', 3)[3]}"
            for part, url in shipped.items()
            if part.endswith("_url")
        }
        place.provider(name, usage_api={**shipped, **moved})
        place.environment[variable] = key
        simulator.play(name, admin_key=key)
    return simulator


def reports(simulator):
    return simulator._ask("GET", "/_sim/reports")


def log_in(place, provider):
    path = {"codex": ".codex/auth.json", "claude": ".claude/.credentials.json"}[provider]
    (place.home / path).parent.mkdir(parents=True, exist_ok=True)
    (place.home / path).write_text("{}", encoding="utf-8")


def rollout(place, percent, *, at_ms=None, home=None):
    """Leave a record of codex, as its client does."""
    now_ms = at_ms or clock.now_ms()
    slot = {"used_percent": percent, "window_minutes": 300, "resets_at": now_ms // 1000 + 3600}
    limits = {"limit_id": "codex", "primary": slot, "secondary": None}
    payload = {"type": "token_count", "info": None, "rate_limits": limits}
    line = {"timestamp": clock.iso(now_ms), "type": "event_msg", "payload": payload}
    path = (home or place.home / ".codex") / "sessions/2026/11/21/rollout-a.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return path


def answer(place, name, tokens):
    """Leave a record of claude, as its client does."""
    message = {"id": name, "model": "claude-opus-5-5", "usage": {"input_tokens": tokens}}
    line = {"type": "assistant", "timestamp": clock.iso(clock.now_ms()), "message": message}
    path = place.home / ".claude/projects/-repo/a.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def window(row):
    return row["used"], [source["source"] for source in row["sources"]]


def test_from_cron_it_is_silent_when_all_went_well(place, poll, reporting):
    rollout(place, 50)
    answer(place, "msg_1", 100)
    reporting.play("codex", outside_cost_micro_usd=2_500_000)
    run = poll()
    assert (run.code, run.out, run.err) == (0, "", ""), run


def test_each_figure_carries_its_source_and_what_nobody_told_is_null(place, poll, rows, reporting):
    rollout(place, 49.2)
    reporting.play("codex", outside_cost_micro_usd=2_500_000)
    before = clock.now_ms()
    assert poll().code == 0
    told = rows("codex")
    assert window(told["percent/18000s@chatgpt"]) == (50, ["client records"])
    (source,) = told["percent/18000s@chatgpt"]["sources"]
    assert before - 5000 < clock.parse(source["observed_at"]) <= clock.now_ms()
    assert clock.parse(source["resets_at"]) > clock.now_ms()
    assert window(told["percent/604800s@chatgpt"]) == (None, [])
    assert window(told["cost_usd/day"]) == (2.5, ["usage API", "own calls"])
    assert told["cost_usd/day"]["differ"] is True  # 2.5 and 0
    assert told["tokens/60s"]["used"] == 0  # ours, and we know them


def test_a_source_is_left_alone_for_a_quarter_of_an_hour_unless_forced(place, poll, reporting):
    rollout(place, 50)
    assert poll("--json").line["polled"] != []
    asked = len(reports(reporting))
    assert asked > 0
    assert poll("--json").line["polled"] == []
    assert len(reports(reporting)) == asked
    again = poll("--force", "--json", "--provider", "codex").line
    assert [each["source"] for each in again["polled"]] == ["records", "api"]
    assert list(again["providers"]) == ["codex"]


def test_near_a_block_it_asks_at_once(place, poll, rows):
    rollout(place, 89)
    poll()
    rollout(place, 91)
    poll()
    assert rows("codex")["percent/18000s@chatgpt"]["used"] == 89  # the cache holds
    poll("--force")
    rollout(place, 97)
    poll()
    assert rows("codex")["percent/18000s@chatgpt"]["used"] == 97  # 91 was near 95


def test_polls_at_once_ask_each_source_once(place, reporting):
    rollout(place, 50)
    running = [start(place) for _ in range(4)]
    assert [finished(process).code for process in running] == [0] * 4
    paths = [entry["path"].partition("?")[0] for entry in reports(reporting)]
    assert sorted(paths) == ["/v1/organization/costs", "/v1/organizations/cost_report"]


def test_a_source_that_fails_is_one_line_and_takes_nothing_away(place, poll, rows, reporting):
    rollout(place, 50)
    reporting.play("codex", outside_cost_micro_usd=2_500_000)
    assert poll("--provider", "codex").code == 0
    reporting.play("codex", admin_key="another")
    run = poll("--provider", "codex", "--force")
    assert (run.code, run.out) == (0, ""), run  # its records could be read
    assert run.err == "orchestrate: codex: api: the key was refused (HTTP 401)\n"
    assert rows("codex")["cost_usd/day"]["used"] == 2.5


def test_when_nothing_asked_for_could_be_read_it_says_so_with_exit_5(place, poll, reporting):
    reporting.play("claude", admin_key="another")
    run = poll("--provider", "claude")
    assert run.code == 5, run
    assert len(run.err.splitlines()) == 2
    dead = {**place._shipped("codex")["usage_api"], "usage_url": "http://127.0.0.1:9/"}
    place.provider("codex", usage_api={**dead, "cost_url": "http://127.0.0.1:9/"})
    run = poll("--provider", "codex")
    assert run.code == 5, run
    assert "codex: api: ConnectionRefusedError" in run.err


def test_row_65_it_runs_in_crons_empty_environment(place):
    rollout(place, 42)
    words = [ROOT / "scripts/poll_usage.sh", "--json"]
    given = {name: place.environment[name] for name in ("ORCHESTRATE_STATE", "ORCHESTRATE_LOGS")}
    environment = {**given, "PATH": "/usr/bin:/bin", "HOME": str(place.home), "LANG": "C"}
    done = subprocess.run(
        words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd="/"
    )
    assert b'"percent/18000s@chatgpt", "used": 42' in done.stdout
    assert done.stderr == b""


def test_a_state_folder_that_cannot_be_written_is_named_with_exit_7(place, poll):
    rollout(place, 42)
    place.state.write_text("a file", encoding="utf-8")
    run = poll()
    assert (run.code, len(run.err.splitlines())) == (7, 1), run
    assert str(place.state) in run.err


def test_an_admin_key_goes_into_its_own_request_and_nowhere_else(place, poll, reporting):
    place.environment["ORCHESTRATE_DEBUG"] = "1"
    reporting.play("codex", admin_key="another")
    shown = poll("--json")
    keys = [key for _, key in ADMIN.values()]
    assert not [key for key in keys if key in shown.out + shown.err]
    for entry in reports(reporting):
        given = {"authorization", "x-api-key"} & set(entry["headers"])
        assert given == ({"x-api-key"} if "organizations" in entry["path"] else {"authorization"})
    written = [path for path in place.folder.rglob("*") if path.is_file()]
    for path in written:
        text = path.read_bytes()
        assert not [key for key in keys if key.encode() in text], path


@pytest.mark.parametrize(
    ("setting", "provider", "row", "used"),
    [
        ("claude.tokens_percent=72", "claude", "tokens/60s", 216_000),
        ("claude.requests_percent=0.05", "claude", "requests/60s", 1),
        ("codex.cost_today=12.5", "codex", "cost_usd/day", 12.5),
        ("claude.percent_18000s=33.2", "claude", "percent/18000s@claude-plan", 34),
        ("codex.percent_604800s=0", "codex", "percent/604800s@chatgpt", 0),
    ],
)
def test_a_person_tells_a_figure_from_a_script(poll, rows, setting, provider, row, used):
    run = poll("--set", setting)
    assert (run.code, run.out, run.err) == (0, "", ""), run
    (source,) = [s for s in rows(provider)[row]["sources"] if s["source"] == "person"]
    assert (rows(provider)[row]["used"], source["used"]) == (used, used)


def test_what_a_person_knows_may_lower_our_figure_and_blocks_when_it_is_high(place, poll, rows):
    poll("--set", "codex.cost_today=30")
    run = place.run("-n", "--json", str(place.repo), "Fix the bug in the data loader")
    assert run.line["recommendation"]["provider"] != "codex"
    state = run.line["provider_state_at_recommendation"]["codex"]
    assert state["block_reason"] == "daily budget used >= 100%"
    poll("--set", "codex.cost_today=3")
    assert rows("codex")["cost_usd/day"]["used"] == 3


WRONG = [
    ("--set", "claude.tokens_percent"),
    ("--set", "claude=5"),
    ("--set", "mistral.tokens_percent=5"),
    ("--set", "claude.cost_percent=5"),
    ("--set", "gemini.percent_18000s=5"),
    ("--set", "claude.tokens_percent=nan"),
    ("--set", "claude.tokens_percent=inf"),
    ("--set", "claude.tokens_percent=-1"),
    ("--set", "claude.tokens_percent=1e9"),
    ("--set", "claude.tokens_percent=seventy"),
    ("--set", "claude.tokens_percent=72 --set"),
    ("--set",),
    ("--manual",),
    ("--provider", "mistral"),
    ("--every",),
    ("codex",),
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_it_cannot_use_is_named_with_exit_2_and_notes_nothing(place, poll, words):
    run = poll("--set", "codex.cost_today=5", *words)
    assert (run.code, run.out) == (2, ""), run
    assert len(run.err.splitlines()) == 1
    assert not (place.state / "codex_usage.json").exists()


def test_two_sources_that_differ_are_both_there(place, poll, rows):
    place.provider("claude", limits=[FIVE_HOURS])
    answer(place, "msg_1", 10_000)
    poll()
    row = rows("claude")["tokens/18000s"]
    assert (row["used"], row["differ"]) == (10_000, True)  # ours is 0
    poll("--set", "claude.tokens_percent=11")
    row = rows("claude")["tokens/18000s"]
    told = {source["source"]: source["used"] for source in row["sources"]}
    assert told == {"client records": 10_000, "person": 11_000, "own calls": 0}
    assert row["used"] == 11_000  # the higher decides


def test_only_what_was_added_is_read_the_next_time(place, poll, rows):
    place.provider("claude", limits=[FIVE_HOURS])
    answer(place, "msg_1", 1000)
    poll()
    path = place.home / ".claude/projects/-repo/a.jsonl"
    size = path.stat().st_size
    with path.open("r+b") as file:  # what was read before is not looked at again
        file.write(b"x" * 20)
    answer(place, "msg_2", 500)
    answer(place, "msg_1", 1000)
    poll("--force")
    assert rows("claude")["tokens/18000s"]["used"] == 1500
    kept = json.loads((place.state / ".state/records-claude.json").read_text(encoding="utf-8"))
    assert kept["files"][str(path)][2] == path.stat().st_size > size


def test_a_longer_row_counts_also_what_was_left_out_before(place, poll, rows):
    short = {**FIVE_HOURS, "window_s": 1}
    place.provider("claude", limits=[short])
    answer(place, "msg_1", 1000)
    time.sleep(1.1)
    answer(place, "msg_2", 500)  # the file counts, its first answer does not any more
    assert poll().code == 0
    place.provider("claude", limits=[FIVE_HOURS])
    poll("--force")
    assert rows("claude")["tokens/18000s"]["used"] == 1500


@pytest.mark.parametrize("variable", ["CODEX_HOME", None])
def test_records_are_looked_for_where_their_client_puts_them(place, poll, rows, variable):
    home = place.folder / "elsewhere" if variable else place.home / ".codex"
    if variable:
        place.environment[variable] = str(home)
        rollout(place, 99)  # of another login: not read
    rollout(place, 42, home=home)
    poll()
    assert rows("codex")["percent/18000s@chatgpt"]["used"] == 42


def test_row_28_a_pipe_or_a_link_among_the_records_hangs_nothing(place, poll, rows):
    path = rollout(place, 42)
    os.mkfifo(path.with_name("rollout-pipe.jsonl"))
    path.with_name("rollout-link.jsonl").symlink_to("/dev/zero")
    path.with_name("rollout-loop").symlink_to(path.parent.parent)
    assert poll().code == 0
    assert rows("codex")["percent/18000s@chatgpt"]["used"] == 42


@pytest.mark.parametrize("name", ["polling.json", "polling.lock", "records-codex.json"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_row_27_what_is_not_our_file_is_refused_and_untouched(place, poll, name, kind):
    rollout(place, 42)
    target = place.folder / "target"
    target.write_text("theirs", encoding="utf-8")
    spot = place.state / ".state" / name
    spot.parent.mkdir(parents=True)
    {"pipe": os.mkfifo, "link": lambda path: path.symlink_to(target), "folder": os.mkdir}[kind](
        spot
    )
    run = poll()
    assert run.code in (5, 7), run
    assert str(spot) in run.err
    assert target.read_text(encoding="utf-8") == "theirs"


SPOILT = '{"schema": 1, "windows": [[18000, "9", 1, null]], "files": {"a": 5}, "folder": "x"}'


def test_row_21_figures_are_noted_in_books_that_were_spoilt(place, poll, rows):
    rollout(place, 42)
    place.state.mkdir(mode=0o700)
    (place.state / "codex_usage.json").write_text('{"schema": 1, "windows', encoding="utf-8")
    run = poll()
    assert (run.code, run.out) == (0, ""), run
    assert rows("codex")["percent/18000s@chatgpt"]["used"] == 42
    assert list(place.state.glob("codex_usage.json.corrupt-*"))


def test_unsound_memory_of_a_poll_is_begun_anew(place, poll, rows):
    rollout(place, 42)
    poll()
    for data in ("", "{", '{"schema": 1, "windows": [[1]], "folder": "x"}', SPOILT):
        kept = json.loads((place.state / ".state/records-codex.json").read_text(encoding="utf-8"))
        spoilt = data.replace('"x"', json.dumps(kept["folder"]))
        (place.state / ".state/records-codex.json").write_text(spoilt, encoding="utf-8")
        assert poll("--force").code == 0
        assert rows("codex")["percent/18000s@chatgpt"]["used"] == 42


def on_terminal(place, columns, answers, *words):
    """Run the script on a terminal, and type an answer at each question; returns all it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**place.environment, "TERM": "xterm"}
        script = str(ROOT / "scripts/poll_usage.sh")
        os.execve(script, [script, *words], environment)  # noqa: S606 it becomes what is tested
    shown, left = b"", list(answers)
    end = threading.Timer(30, os.kill, (pid, 9))
    end.start()
    try:
        while True:
            try:
                data = os.read(terminal, 65_536)
            except OSError:  # Linux tells the end of a terminal so
                break
            shown += data
            if shown.rstrip().endswith(b"):") and left:
                time.sleep(0.02)
                os.write(terminal, left.pop(0).encode() + b"\n")
    finally:
        end.cancel()
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return Run(os.waitstatus_to_exitcode(status), shown.decode(), "")


def test_on_a_terminal_it_shows_a_table_that_fits_sixty_columns(place):
    place.provider("claude", limits=[FIVE_HOURS, *place._shipped("claude")["limits"]])
    rollout(place, 42)
    answer(place, "msg_1", 72_000)
    run = on_terminal(place, 60, [])
    lines = run.out.replace("\r", "").splitlines()
    assert run.code == 0
    assert max(map(len, lines)) < 60
    assert lines[0].split() == ["provider", "row", "used", "source", "age"]
    assert "codex     percent/5h    42%    client records  now" in lines
    assert [line.split()[-2] for line in lines if "percent/7d" in line] == ["unknown", "unknown"]
    (both,) = [at for at, line in enumerate(lines) if "tokens/5h" in line]
    assert "72%    client records" in lines[both]
    assert "0%     own calls" in lines[both + 1]  # they differ: both are shown


def test_a_person_is_asked_for_each_figure_and_may_not_know(place, rows):
    answers = ["", "40", "", "96", ""]
    run = on_terminal(place, 80, answers, "--provider", "claude", "--manual")
    assert run.code == 0, run.out
    told = {name: row["used"] for name, row in rows("claude").items()}
    assert told == {
        "requests/60s": 0,
        "tokens/60s": 120_000,
        "cost_usd/day": 0,
        "percent/18000s@claude-plan": 96,
        "percent/604800s@claude-plan": None,
    }


def test_a_full_window_of_a_plan_keeps_that_login_out_until_its_reset(place, poll):
    log_in(place, "codex")
    (place.folder / "bin").mkdir()
    client = place.folder / "bin" / "codex"
    client.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    client.chmod(0o755)
    place.environment["PATH"] = f"{client.parent}:{place.environment['PATH']}"
    del place.environment["OPENAI_API_KEY"]
    rollout(place, 95.0)
    poll()
    run = place.run("-n", "--json", "--provider", "codex", str(place.repo), "Fix the bug")
    assert run.code == 3, run
    state = run.line["provider_state_at_recommendation"]["codex"]
    assert state["block_reason"] == "the plan's 5-hour window >= 95%"
    assert clock.parse(state["retry_at"]) > clock.now_ms() + 3_000_000


def elsewhere(simulator, calls):
    """Let somebody else use the same key."""
    for _ in range(calls):
        document = {"model": "gpt-6-luna", "input": "hello"}
        simulator._ask("POST", "/v1/responses", document)


def call(place):
    words = ("--yes", "--json", "--transport", "api", "--provider", "codex")
    return place.run(*words, str(place.repo), "Fix the bug in the data loader")


def test_what_others_used_of_a_minute_is_seen_in_the_head_of_our_own_answer(place, simulator, rows):
    simulator.play("codex", requests_per_minute=10)
    elsewhere(simulator, 5)
    assert call(place).code == 0
    row = rows("codex")["requests/60s"]
    told = {source["source"]: source["percent"] for source in row["sources"]}
    assert told == {"headers": 60.0, "own calls": 0.03}  # 6 of their 10, 1 of our 3000
    assert (row["percent"], row["differ"]) == (60.0, True)


def test_the_head_of_a_refusal_tells_as_much(place, simulator, rows):
    simulator.play("codex", requests_per_minute=4)
    elsewhere(simulator, 4)
    place.settings(attempts={"per_route": 1, "total": 1})
    assert call(place).code != 0
    assert rows("codex")["requests/60s"]["percent"] >= 100


def test_help_is_the_header():
    script = ROOT / "scripts/poll_usage.sh"
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("Renew what is known")
    assert Path(script).read_text(encoding="utf-8").count("--manual") == 1
