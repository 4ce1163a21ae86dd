"""The cost report as people see it: it fits, and nothing in it acts on a terminal."""

import csv
import io
import unicodedata

import pytest
import world
from reports import DAY_MS, decision, of, plan, unpriced, usage
from test_report_tables import month_budget
from world import NOW_MS, model, price, provider

from orchestrator.commands import report_csv, report_page, screen
from orchestrator.commands.report_columns import tokens, usd
from orchestrator.commands.report_grid import Column, drawn
from orchestrator.insight import report
from orchestrator.records import Threshold

EVIL = "\x1b[31m=HYPERLINK(1)\u202e"


def full(tmp_path, **wanted):
    """Make a report with every table in it, and long names."""
    used = [
        usage(
            f"t{n}", NOW_MS - n % 20 * DAY_MS, tier=("cheap", "medium", "powerful")[n % 3],
            model=f"a-model-with-quite-a-long-name-{n % 12}", role=("coder", None)[n % 2],
            escalated_from="cheap" if n % 3 == 1 else None, fallback_used=n % 5 == 0,
            cost_usd=n * 1234.5, input_tokens=n * 10**7, complexity=n % 10,
        )
        for n in range(40)
    ]  # fmt: skip
    used += [plan("p1", 88_000.25), unpriced("u1", provider=f"evil{EVIL}")]
    decided = [
        decision(f"t{n}", NOW_MS, repository=f"/home/somebody/some/deep/folder/repo-{n % 11}")
        for n in range(40)
    ]
    dear = provider("claude", models=[model("opus", "powerful")])
    thresholds = (Threshold(75.0, "downgrade_tier", "Paid tasks get a model one tier lower"),)
    config = world.config(dear, prices={"opus": price(10.0, 50.0)})
    config = config._replace(budgets=(month_budget(900_000, *thresholds),))
    return of(tmp_path, used, decided, config=config, days=30, **wanted)


def page(document, columns, *, detailed=True, colour=False):
    safe = screen.harmless_in(document)
    tables = {name: report.table(safe, name) for name in report.TABLES}
    paint = screen.Paint(on=colour)
    return report_page.page(safe, tables, columns, paint, detailed=detailed)


@pytest.mark.parametrize("columns", [60, 80, 100, 132, 200])
@pytest.mark.parametrize("detailed", [True, False])
def test_no_line_is_wider_than_the_screen(tmp_path, columns, detailed):
    lines = page(full(tmp_path), columns, detailed=detailed)
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    assert "Month-to-date spend: $" in text
    assert "Estimated end-of-month: $" in text
    assert "1 call, in no sum" in text


def test_a_narrow_screen_keeps_names_requests_and_money(tmp_path):
    text = "\n".join(page(full(tmp_path), 40, detailed=False))
    heading = next(line for line in text.splitlines() if line.startswith("  provider"))
    assert heading.split()[:2] == ["provider", "requests"]
    assert "billed" in heading


def test_every_table_is_there_in_detail_and_the_long_ones_are_cut_short_without(tmp_path):
    document = full(tmp_path)
    whole, short = page(document, 200), page(document, 200, detailed=False)
    for title in report_page.TITLES.values():
        assert title in whole
    assert "By provider and role" not in short
    assert "  4 more with --detailed" in short  # 12 models, and the unpriced one: 13
    assert sum("a-model-with" in line for line in whole) == 12


def test_unpriced_is_a_word_and_never_zero(tmp_path):
    rows = [line for line in page(full(tmp_path), 200) if "/mystery" in line and "evil" in line]
    assert any("unpriced" in line for line in rows)
    assert all("$0.00" not in line.split("unpriced")[0] for line in rows)


def test_colour_changes_nothing_but_colour(tmp_path):
    document = full(tmp_path)
    painted = "\n".join(page(document, 80, colour=True))
    assert "\x1b[1m" in painted
    plain = "\n".join(page(document, 80))
    for code in ("0", "1", "2", "31", "32", "33"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


def test_row_66_names_from_a_log_cannot_act_on_a_terminal(tmp_path):
    text = "\n".join(page(full(tmp_path), 80))
    assert "\x1b" not in text
    assert not [c for c in text if unicodedata.category(c) == "Cf"]


def test_row_67_cells_that_a_spreadsheet_would_compute_are_quoted(tmp_path):
    used = [usage("t1", provider="=1+1"), usage("t2", provider="@sum"), usage("t3", provider="-")]
    rows = of(tmp_path, used)["by_provider"]
    told = list(csv.DictReader(io.StringIO(report_csv.written({"by_provider": rows}))))
    assert {row["provider"] for row in told} == {"'=1+1", "'@sum", "-"}
    assert {row["cost_usd"] for row in told} == {"0.0012"}


def test_all_tables_in_one_csv_are_told_apart(tmp_path):
    document = full(tmp_path)
    tables = {name: report.table(document, name) for name in report.TABLES}
    told = list(csv.DictReader(io.StringIO(report_csv.written(tables))))
    assert {row["table"] for row in told} == set(report.TABLES)
    assert len(told) == sum(map(len, tables.values()))


def test_a_report_of_nothing_says_so(tmp_path):
    document = of(tmp_path, [usage("t1", NOW_MS - 30 * DAY_MS)], [])
    text = "\n".join(page(document, 80))
    assert "Requests    0\n" in text
    assert "Billed      $0.00\n" in text
    assert "By provider" not in text


def test_a_run_says_how_far_it_is(tmp_path):
    ends = ["success"] * 8 + ["deferred"] * 12
    decided = [decision(f"t{n}", status=end, run_id="batch-7") for n, end in enumerate(ends)]
    config = world.config()._replace(budgets=(month_budget(50),))
    used = [usage(f"t{n}", cost_usd=1.5) for n in range(8)]
    document = of(tmp_path, used, decided, current_run=True, config=config)
    lines = page(document, 100)
    assert lines[0] == "Cost report · run batch-7"
    told = "8/20 tasks completed; projected total $30.00; budget $50.00 (76.0% remaining)"
    assert lines[2] == f"This run    {told}"


def test_the_summary_is_that_of_the_seed(tmp_path):
    dear = provider("claude", models=[model("opus", "powerful")])
    config = world.config(dear, prices={"opus": price(10.0, 50.0)})
    lines = [
        usage(f"t{n}", cost_usd=0.25, input_tokens=100_000, output_tokens=0) for n in range(50)
    ]
    summary = report_page.summary(of(tmp_path, lines, config=config))
    assert summary == "Last 7 days: 50 requests, $12.50 spent, $37.50 saved (75%)"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unpriced"),
        (0, "$0.00"),
        (0.001234, "$0.0012"),
        (1234.5, "$1,234.50"),
        (-2, "-$2.00"),
    ],
)
def test_money_reads_as_money(amount, text):
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (12_345, "12.3K"), (2_000_000, "2.0M")]
)
def test_tokens_read_as_people_say_them(count, text):
    assert tokens(count) == text


def test_columns_that_matter_less_go_first_and_then_the_name_is_shortened():
    columns = [
        Column("name", lambda row: row["name"], left=True),
        *(Column(name, lambda row: row["told"], rank) for name, rank in RANKS.items()),
    ]
    rows = [{"name": "/a/very/long/path/to/some/repository", "told": "1234567890"}]
    assert drawn(columns, rows, 80)[0].split() == ["name", "much", "less", "least"]
    assert drawn(columns, rows, 60)[0].split() == ["name", "much", "less"]
    heading, line = drawn(columns, rows, 40)
    assert heading.split() == ["name", "much"]
    assert line == "  …g/path/to/some/repository  1234567890"
    assert len(line) == 40


RANKS = {"much": 0, "less": 2, "least": 5}
