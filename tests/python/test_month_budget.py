"""`MONTHLY_COST_BUDGET` replaces the month's limit, for reports and for what may start."""

import pytest
import world
from test_report_tables import month_budget

from orchestrator.config import environment
from orchestrator.errors import ConfigError
from orchestrator.records import MICRO, Budget, Limit, Threshold

WARN = Threshold(75.0, "log_warning", "Look")


def limits(config):
    return [(budget.row.period, budget.row.limit / MICRO) for budget in config.budgets]


@pytest.mark.parametrize(("told", "usd"), [("100", 100), ("99.5", 99.5), (" 7 ", 7), ("0", 0)])
def test_a_plain_number_is_the_months_limit(told, usd):
    day = Budget(Limit("cost_usd", None, "day", 5 * MICRO, 100.0, "total"), ())
    config = world.config()._replace(budgets=(day, month_budget(500, WARN)))
    found = environment.adjusted(config, {"MONTHLY_COST_BUDGET": told})
    assert limits(found) == [("day", 5), ("month", usd)]
    assert found.budgets[1].thresholds == (WARN,)


def test_a_month_without_a_budget_gets_one_and_it_pauses_when_full():
    found = environment.adjusted(world.config(), {"MONTHLY_COST_BUDGET": "12"})
    assert limits(found) == [("month", 12)]
    assert found.budgets[0].row.block_at_percent == 100


def test_without_the_variable_the_configuration_holds():
    config = world.config()._replace(budgets=(month_budget(500),))
    assert environment.adjusted(config, {}) == config


@pytest.mark.parametrize(
    "told", ["$100", "1e3", "-5", "nan", "inf", "1,000", "1.2.3", "٣", "9" * 12]
)
def test_anything_else_is_refused_by_its_name(told):
    with pytest.raises(ConfigError, match=r"MONTHLY_COST_BUDGET: is .*: a plain number from 0 to"):
        environment.adjusted(world.config(), {"MONTHLY_COST_BUDGET": told})
