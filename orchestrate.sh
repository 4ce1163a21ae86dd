#!/usr/bin/env bash
# Hand a task to the AI provider that suits it best and still has room.
#
# Usage: ./orchestrate.sh [options] REPO TASK
#
#   ./orchestrate.sh . "Fix the bug in data loader"
#   ./orchestrate.sh -n --explain . "Design the cache"     look, run nothing
#   ./orchestrate.sh --yes --edit api - < task.txt         no question, may change files
#
# REPO is a folder, or a name under $ORCHESTRATE_WORKSPACE. TASK is text, or - for stdin.
# Options end at REPO:
#
#   -n, --dry-run         show and log the recommendation, run nothing
#   -y, --yes             run without asking
#       --json            one JSON object on stdout: the log line, plus "result" when it ran
#   -q, --quiet           no screen and no progress
#       --explain         which words counted, which candidates fell out and why
#       --provider P      only this provider          --model M       only this model
#       --agent A         this agent of the catalog   --transport T   cli or api
#       --complexity N    0 to 10, instead of ours    --tier T        cheap, medium or powerful
#       --strategy S      specialist: the best fit; cheapest: the cheapest that can do it
#       --requires LIST   what the model must have: vision,tools,json_mode,context=TOKENS
#       --image FILE      a picture for the model; may be repeated
#       --mcp-config FILE servers of tools for the client, as {"mcpServers": {...}}
#       --domain RULE     apply a rule of config/rules.json by its name
#       --preferred-provider P   PROVIDER or PROVIDER/MODEL goes first when it has room
#       --max-cost USD    most this task may cost     --timeout S     most it may take, seconds
#       --allow-unpriced  run a model without a price, which no budget can hold
#       --verify CMD      run CMD in the tree afterwards; the task is verified when it exits 0.
#                         When it fails, a model of the next tier goes on from there
#       --edit            the agent may change files
#       --allow-blind     a fallback may be an API that cannot see files
#       --force           run although every provider is over a limit
#       --no-defer        refuse a task without room; else it is queued (scripts/run_deferred.sh)
#
# Exit codes: 0 done or declined, 1 the task failed, 2 usage, 3 no room (retry_at in the JSON),
# 4 clients or keys missing, 5 try again later, 7 state or log not writable, 8 configuration,
# 129, 130, 143 signals.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}lib/common.sh"

readonly RUN=100 ASK=101 # what `decide` answers when there is something to run

main() {
  local status=0 args answer
  case "${1-}" in
    -h | --help)
      show_help "${BASH_SOURCE[0]}"
      return
      ;;
  esac
  # The task goes through a pipe, never through the arguments of a process.
  handoff="${TMPDIR:-/tmp}/orchestrate-$$-$RANDOM$RANDOM"
  trap '[[ ! -e $handoff ]] || rm -f -- "$handoff"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  exec {args}< <((($# == 0)) || printf '%s\0' "$@")
  orchestrator decide "$handoff" "$args" || status=$?

  if ((status == ASK)); then
    read -r answer || answer=n
    case "$answer" in
      [yY] | [yY][eE][sS]) status=$RUN ;;
      *) orchestrator decline "$handoff" && return ;;
    esac
  fi
  ((status == RUN)) || return "$status"
  become_orchestrator run "$handoff"
}

main "$@"
