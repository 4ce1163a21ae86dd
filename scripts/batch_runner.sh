#!/usr/bin/env bash
# Run a queue of tasks, many at a time, each exactly once: made to be left alone over night.
#
# Usage: scripts/batch_runner.sh [options] [QUEUE]
#
#   scripts/batch_runner.sh --parallel 5 < task_queue.json
#   scripts/batch_runner.sh --yes --edit --verify 'make test' --merge tasks.jsonl
#   scripts/batch_runner.sh -n tasks.jsonl          check and show the plan, run nothing
#   scripts/batch_runner.sh --resume latest         go on after Ctrl-C, kill -9 or a power cut
#   scripts/batch_runner.sh --status latest --json
#
# QUEUE is a JSON array, or JSON lines; without it: stdin. A row is a text, or an object: "task", "repo",
# "id", "depends_on" (ids), "priority" (higher first), and the options of orchestrate.sh by their names.
# All rows are checked before anything runs. Equal rows stay separate tasks.
#
#   -n, --dry-run         show the plan, run nothing      -y, --yes     run without asking
#       --json            data on stdout                  -q, --quiet   no plan and no progress
#       --parallel N      so many at once (settings.batch.parallel: 5); PROVIDER=N of one provider
#       --repo FOLDER     for rows that name none (default: here)
#       --max-cost USD    most all of it may cost; what a row names is its own
#       --pack            small tasks that only read share a call; the answer is taken apart again
#       --merge           merge what passed --verify into orchestrate/BATCH/merged, beside your checkout
#       --on-wall WAY     reroute: what meets a limit goes to other providers; hold: it waits for its reset
#       --no-wait         what finds no room is queued for scripts/run_deferred.sh
#       --resume ID       do what is left, nothing twice  --retry-failed   and what failed
#       --status ID       tell how it is                  ID: a batch, or latest
#
# Other options of orchestrate.sh hold for all rows that do not say otherwise: --tier, --provider, --edit,
# --verify, --timeout ... Each edit works in a git worktree, on a branch orchestrate/BATCH/TASK.
# logs/batches/ID/results.jsonl has a line with the answer for each task, summary.json what it came to.
# Ctrl-C: what runs is cancelled and settled; twice: at once.
#
# Exit codes: 0 all done or declined, 2 queue or usage, 3 it can't fit the budget, 4 nothing can run,
# 5 it is running already, 6 some tasks were not done, 7 state or log not writable, 8 configuration,
# 129, 130, 143 signals.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator batch "$@"
}

main "$@"
