#!/usr/bin/env bash
# Print the cost report: what was spent, on what, what was saved, the budget, and what to do.
#
# Usage: scripts/report.sh [options]
#
#   scripts/report.sh                                     the last 7 days
#   scripts/report.sh --this-month --detailed             every table, whole, since the first of the month
#   scripts/report.sh --since '7 days ago' --until yesterday
#   scripts/report.sh --json | jq .total_cost_usd         for scripts; one list per table
#   watch -n 5 scripts/report.sh --current-run            while a run goes on
#   scripts/report.sh --this-month --reconcile            hold our books against the providers' bills
#
# Which days (those of settings.zone; what a call cost belongs to the day it was reserved):
#   --days N                 the last N days, today included; 7, or COST_REPORT_DAYS, when left out
#   --since DAY --until DAY  from and to a day, both included: 2026-11-20, yesterday, '7 days ago'
#   --this-month             from the first of the month until today
#   --current-run            the run of the newest task: all tasks with its run_id, or, when it ran
#                            alone, all of its session, which is a day of UTC
# What of them:
#   --provider P             only this provider
#   --log PATH               another usage log, or another folder of logs
# In which form:
#   --detailed               every table, with all its rows and columns (also: --verbose)
#   --summary                one line
#   --json                   one JSON object
#   --csv [--table NAME]     one table as CSV, or all of them with a column `table`
#   --reconcile              instead: what was booked as billed, by account and days of UTC, beside what
#                            the provider's cost API tells (OPENAI_ADMIN_KEY, ANTHROPIC_ADMIN_KEY); more
#                            than settings.poll.reconcile_percent apart is an alert in logs/alerts.jsonl
#
# Rotated parts of the logs are read, too, also when they are compressed (.gz, .zst). MONTHLY_COST_BUDGET
# replaces the month's limit, in USD. Calls whose price nobody knows are counted and named; they are in no sum.
#
# Exit codes: 0 done, 2 usage, or the log is missing or empty, 4 no admin key (--reconcile), 5 a cost API could
# not be read, 7 a file could not be read or written, 8 configuration, or a line of a log is unsound.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator report "$@"
}

main "$@"
