"""What is seen of a batch: one line for each task, and a board that keeps still on a terminal."""

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from orchestrator.commands import board as boards
from orchestrator.commands import pane
from orchestrator.commands.board import Board, Ended, Lines, Live, Row, Totals
from orchestrator.commands.phrases import clock_span

HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "two\nlines\r\nand\x85more\u2028still",
    "[red]markup[/red] :smile: [link=http://x]y[/]",
    "\x1b]0;title\x07\x9b2J\t\x00",
    "为解析器添加单元测试" * 20,
    "👩\u200d🚀❤\ufe0f👍🏽" * 20,
    "e\u0301" * 2000,
    "\ud800\u202eevil\u2066",
    "x" * 100_000,
    "",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=200)
CODES = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")
ENDED = Ended(
    number=12, title="Fix the bug in loader", ok=True, word="delivered", provider="codex",
    model="gpt-6-luna", seconds=3.2, cost_usd=0.0031, note="",
)  # fmt: skip


class Terminal(io.StringIO):
    """The few things that the board asks of a terminal; a line that is too long is an error."""

    def __init__(self, columns, lines):
        super().__init__()
        self.columns, self.lines = columns, lines
        self.screen, self.row, self.column, self.above = [[] for _ in range(lines)], 0, 0, []

    def write(self, text):
        for number, part in enumerate(re.split(r"(\x1b\[[?0-9;]*[A-Za-z]|\n|\r)", text)):
            if number % 2:
                self.act(part)
            else:
                assert part.isprintable()
                self.put(part)
        return len(text)

    def put(self, text):
        line = self.screen[self.row]
        for sign in text:
            line += [" "] * (self.column - len(line))
            wide = cell_len(sign)
            if wide:
                line[self.column : self.column + wide] = [sign, *[""] * (wide - 1)]
            elif self.column:
                line[self.column - 1] += sign
            self.column += wide
            assert self.column < self.columns

    def act(self, code):
        if code == "\r":
            self.column = 0
            return
        if code == "\n":
            self.column, self.row = 0, self.row + 1
            if self.row == self.lines:
                self.row -= 1
                self.above.append(self.screen.pop(0))
                self.screen.append([])
            return
        given, letter = CODES.fullmatch(code).groups()
        count = int(given) if given.isdigit() else 1
        if letter == "A":
            self.row -= count
            assert self.row >= 0
        elif letter == "B":
            self.row += count
            assert self.row < self.lines
        elif letter == "L":
            self.screen.insert(self.row, [])
            assert not self.screen.pop()
        elif letter in "JK":
            del self.screen[self.row][self.column :]
            if letter == "J":
                self.screen[self.row + 1 :] = [[] for _ in range(self.lines - self.row - 1)]
        else:
            assert letter in "mhl"

    def resize(self, columns, lines):
        """Break lines anew, as most terminals do; what has no room waits above the top."""
        back = max(0, len(self.above) - max(0, lines - self.lines))
        made, self.above = self.above[back:], self.above[:back]
        for number, line in enumerate(self.screen):
            if number == self.row:
                at = len(made)
            made += [line[i : i + columns] for i in range(0, max(1, len(line)), columns)]
        while len(made) > lines and not made[-1] and at < len(made) - 1:
            made.pop()
        out = max(0, len(made) - lines)
        self.above += made[:out]
        self.screen = made[out:] + [[] for _ in range(lines - len(made))]
        self.columns, self.lines, self.row = columns, lines, at - out

    def seen(self):
        return "\n".join(map("".join, [*self.above, *self.screen])).rstrip("\n").split("\n")


@pytest.fixture
def clock(monkeypatch):
    """Give the time, which a test moves."""
    now = [1000.0]
    monkeypatch.setattr(boards.time, "monotonic", lambda: now[0])
    return now


def live(columns=80, lines=24, **named):
    terminal = Terminal(columns, lines)
    console = Console(
        file=terminal,
        force_terminal=True,
        width=columns,
        height=lines,
        **{"color_system": None, **named},
    )
    return Live(console), terminal


def rows(numbers, title="A task", doing="codex: answering", since=990.0):
    return [Row(n, f"{title} {n}", doing, since + n / 100) for n in numbers]


def totals(**named):
    given = {"done": 9, "failed": 2, "running": 12, "waiting": 37, "total": 60}
    money = {"spent_usd": 0.28, "plan_usd": 0.9, "left_usd": 8.11, "eta_s": 200.0, "note": ""}
    return Totals(**{**given, **money, **named})


def places(terminal):
    """Find the line of each task that runs."""
    found = [(re.match(r" *(\d+) +\d+:\d\d ", line), at) for at, line in enumerate(terminal.seen())]
    return {int(match[1]): at for match, at in found if match}


SPANS = {
    -1: "0 s", 0: "0 s", 45.9: "45 s", 60: "1 min 00 s", 200: "3 min 20 s", 3599: "59 min 59 s",
    3600: "1 h 00 min", 7500: "2 h 05 min", 86_399: "23 h 59 min", 97_200: "1 d 3 h",
}  # fmt: skip


@pytest.mark.parametrize("seconds", SPANS)
def test_a_span_of_time_is_written_for_people(seconds):
    assert clock_span(seconds) == SPANS[seconds]


def test_without_a_terminal_a_task_that_is_over_is_one_line(capsys):
    lines = Lines()
    lines.show(rows([12]), totals())
    lines.ended(ENDED)
    lines.ended(ENDED._replace(number=3, word="failed", seconds=200, cost_usd=None, note="why"))
    lines.ended(ENDED._replace(provider="", model="", word="deferred", title="t" * 80))
    lines.say("alert:\n80 %")
    assert capsys.readouterr() == ("", (
        "[12/60] delivered  codex gpt-6-luna  3.2 s  $0.0031  Fix the bug in loader\n"
        "[ 3/60] failed     codex gpt-6-luna  3 min 20 s  unpriced  Fix the bug in loader  why\n"
        f"[12/60] deferred   {'t' * 71}…\n"
        "alert: 80 %\n"
    ))  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_one_line_whatever_the_words_of_others_hold(capsys, text):
    Lines().ended(ENDED._replace(title=text, provider=text, model=text, word=text, note=text))
    Lines().say(text)
    told = capsys.readouterr().err
    assert told.count("\n") == 2
    assert len(told.splitlines()) == 2
    assert "\x1b" not in told
    assert ("[red]" in text) is ("[red]" in told)


def test_the_quiet_see_nothing(capsys, monkeypatch):
    monkeypatch.setattr(boards.screen, "is_terminal", lambda _stream: True)
    with boards.board(quiet=True) as shown:
        shown.show(rows([1]), totals())
        shown.ended(ENDED)
        shown.say("alert")
    assert type(shown) is Board
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("terminal", "kind"), [(True, Live), (False, Lines)])
def test_a_terminal_gets_the_board_and_all_else_lines(monkeypatch, terminal, kind):
    monkeypatch.setattr(boards.screen, "is_terminal", lambda _stream: terminal)
    assert type(boards.board(quiet=False)) is kind


def test_signs_that_terminals_join_each_in_its_own_way_stand_alone(clock):
    shown, terminal = live()
    shown.show([Row(1, "👩\u200d🚀❤\ufe0f👍🏽", "", 1000)], totals())
    assert terminal.seen()[0].split() == ["1", "0:00", "👩🚀❤👍"]


ROOM = {
    60: "Fix…",
    80: "Fix the b…  refused: th…",
    99: "Fix the bug in loader  refused: the key",
}


@pytest.mark.parametrize("columns", ROOM)
def test_where_there_is_little_room_the_title_comes_first(clock, columns):
    shown, terminal = live(columns)
    shown.show([], totals())
    shown.ended(ENDED._replace(note="refused: the key"))
    shown.stop()
    told = f"✓ [12/60] delivered  codex gpt-6-luna  3.2 s  $0.0031  {ROOM[columns]}"
    assert terminal.seen() == [told]


@given(st.integers(20, 300), st.integers(1, 60), st.integers(0, 40), TEXTS, TEXTS, TEXTS, st.data())
def test_no_line_is_wider_than_the_terminal_and_some_stay_free(
    columns, lines, running, title, doing, note, data
):
    shown, terminal = live(columns, lines, color_system="truecolor")
    number = data.draw(st.sampled_from([1, 60, 10_000]))
    now = totals(running=running, total=number, note=note, spent_usd=data.draw(st.floats(0, 1e6)))
    with shown:
        for round_ in range(2):
            shown._due = 0
            shown.show(rows(range(round_, running + round_), title, doing), now)
            shown._due = 0
            shown.ended(ENDED._replace(title=title, ok=False, word=doing, model=note, note=note))
            shown.say(note)
    shown, terminal = live(columns, lines)
    shown.show(rows(range(running), title, doing), now)
    assert len(terminal.seen()) <= max(1, lines - 3)
    assert lines > 1 or terminal.seen() == [""]


def test_words_of_others_are_neither_markup_nor_controls(clock):
    shown, terminal = live(200, color_system="truecolor")
    shown.show(rows([1], "[red]\x1b[31mT[/red]", "[bold]:smile:\x07"), totals(note="[i]n\x9b2J"))
    shown.stop()
    shown, terminal = live(200)
    shown.show(rows([1], "[red]\x1b[31mT[/red]", "[bold]:smile:\x07"), totals(note="[i]n\x9b2J"))
    row, money, bar = terminal.seen()
    assert row.split() == ["1", "0:09", "[red][31mT[/red]", "1", "[bold]:smile:"]
    assert money == "$0.28 spent  $8.11 left  $0.90 on plans  [i]n2J"
    assert bar.endswith("  9/60  2 failed  3 min 20 s to go  12 running  37 waiting")


def test_a_task_keeps_its_line_and_a_new_one_takes_a_free_line(clock):
    shown, terminal = live()
    running, now = list(range(1, 13)), 13
    shown.show(rows(running), totals())
    before = places(terminal)
    assert sorted(before) == running
    for over in (3, 12, 1, 7, 13):
        clock[0] += 1
        running.remove(over)
        shown.show(rows(running), totals())
        assert places(terminal) == {n: at for n, at in before.items() if n != over}
        assert len(terminal.seen()) == 14
        clock[0] += 1
        running.append(now)
        shown.show(rows(running), totals())
        before[now] = before.pop(over)
        assert places(terminal) == before
        now += 1


def test_lines_that_stay_free_at_the_end_go_away(clock):
    shown, terminal = live()
    shown.show(rows(range(5)), totals())
    for _ in range(2):
        clock[0] += 2
        shown.show(rows([0, 2]), totals())
    assert places(terminal) == {0: 0, 2: 2}
    assert len(terminal.seen()) == 5


def test_of_more_tasks_than_lines_those_that_run_longest_are_shown(clock):
    shown, terminal = live(80, 16)
    shown.show(rows(range(1, 31)), totals())
    assert sorted(places(terminal)) == list(range(1, 11))
    assert terminal.seen()[10:11] == ["... and 20 more"]
    clock[0] += 1
    shown.show(rows([*range(1, 5), *range(6, 31)]), totals())
    assert places(terminal)[11] == 4
    assert len(terminal.seen()) == 13


def test_what_is_told_stays_above_and_the_board_goes(clock):
    shown, terminal = live(80, 10)
    with shown:
        for number in range(1, 31):
            shown.show(rows(range(number, number + 4)), totals())
            shown.ended(ENDED._replace(number=number, ok=number != 3))
            clock[0] += 0.05
        shown.say("alert")
    told = terminal.seen()
    assert [int(line[3:5]) for line in told[:-1]] == list(range(1, 31))
    text = "delivered  codex gpt-6-luna  3.2 s  $0.0031  Fix the bug in loader"
    assert told[0] == f"✓ [ 1/60] {text}"
    assert told[2] == f"✗ [ 3/60] {text}"
    assert told[-1] == "alert"


def resizable(terminal, monkeypatch):
    def size(_):
        return terminal.columns, terminal.lines

    monkeypatch.setenv("TMUX", "yes")
    monkeypatch.setattr(pane.os, "get_terminal_size", size)
    terminal.fileno = lambda: 2


SIZES = [(60, 40), (41, 30), (100, 30), (100, 24), (80, 24), (30, 40), (200, 20)]


def test_a_terminal_that_is_resized_shows_no_rest_of_the_old_frame(clock, monkeypatch):
    shown, terminal = live(120, 40)
    resizable(terminal, monkeypatch)
    shown.say("before")
    for columns, lines in SIZES:
        clock[0] += 1
        shown.show(rows(range(1, 13), "A long title of a task", "codex: answering"), totals())
        assert terminal.seen()[0] == "before"
        assert places(terminal) == {number: number for number in range(1, 13)}
        assert len(terminal.seen()) == 15
        terminal.resize(columns, lines)
    shown.stop()
    assert terminal.seen() == ["before"]


def test_what_a_smaller_terminal_has_pushed_out_is_not_seen_twice(clock, monkeypatch):
    shown, terminal = live(80, 40)
    resizable(terminal, monkeypatch)
    shown.say("before")
    for lines in (8, 20, 40, 40):
        clock[0] += 1
        shown.show(rows(range(1, 13)), totals())
        terminal.resize(80, lines)
    assert terminal.seen()[0] == "before"
    assert places(terminal) == {number: number for number in range(1, 13)}
    assert len(terminal.seen()) == 15


def test_a_frame_is_drawn_when_it_has_changed_and_8_times_a_second_at_most(clock):
    shown, terminal = live()
    shown.show(rows([1]), totals())
    written = []
    write = terminal.write
    terminal.write = lambda text: (written.append(text), write(text))[1]
    for tick in range(100):
        clock[0] = 1000 + tick / 20
        shown.show(rows([1], doing=str(tick)), totals())
    assert 30 <= len(written) <= 40
    written.clear()
    for tick in range(1, 5):
        clock[0] = 1005 + tick / 5
        shown.show(rows([1], doing="same"), totals())
    assert len(written) == 1
    shown.show([], totals(done=58, running=0, waiting=0))
    assert "58/60" in written[-1]


@pytest.mark.parametrize("wish", ["", "1"])
def test_colour_is_only_where_it_is_wanted(monkeypatch, wish):
    printed = io.StringIO()
    printed.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", printed)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", wish)
    with boards.board(quiet=False) as shown:
        shown.show(rows([1]), totals())
        shown.ended(ENDED)
    assert "✓" in printed.getvalue()
    assert ("\x1b[32m✓" in printed.getvalue()) == (not wish)
    assert bool(re.search(r"\x1b\[[0-9;]*m", printed.getvalue())) == (not wish)


def test_a_terminal_that_is_gone_does_not_end_the_batch():
    shown, terminal = live()

    def broken(text):
        raise OSError(5, "Input/output error")

    shown.show(rows([1]), totals())
    terminal.write = broken
    shown.say("alert")
    shown.stop()
