#!/usr/bin/env bash
# Simulate the providers on a loopback address: Anthropic, OpenAI, Gemini and OpenAI-compatible.
#
# Usage: scripts/simulate_upstream.sh [OPTION...]
#   scripts/simulate_upstream.sh                                  any free port, for an hour
#   scripts/simulate_upstream.sh --port 8700 --prices config/prices.json
#   scripts/simulate_upstream.sh --scenario wall.json --ready-file ready.json
#
# The first line printed is {"url", "port", "pid"}; --ready-file holds the same.
#   --port P            port; 0 takes any free one (default 0)
#   --host H            loopback address (default 127.0.0.1)
#   --scenario FILE     limits, answers, faults and tools of each provider, as JSON
#   --prices FILE       price list, for the bill
#   --latency-ms N      time to the first byte of every answer
#   --ready-file FILE   written in one piece when listening (also: --pid-file)
#   --exit-after-s N    end by itself (default 3600)
#
# The usage APIs of OpenAI, Anthropic and Google tell what is in the books to whoever has the key that
# a scenario names as admin_key; outside_requests, outside_tokens, outside_cost_micro_usd add to it.
#
# While it runs:
#   GET  /_sim/books                what each provider served, refused and charged
#   GET  /_sim/requests?provider=P  every request: prompt, model, headers, outcome
#   GET  /_sim/reports              every request for a usage report
#   POST /_sim/scenario             lay a scenario over the one that plays
#   POST /_sim/reset                clear faults, tools, limits' windows and books
#
# Exit codes: 0 ended by a signal or by time, 2 wrong usage, 4 no Python.
set -euo pipefail
shopt -s inherit_errexit

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
folder="${self%"${self##*/}"}"
# shellcheck source=lib/common.sh
source "${folder:-./}../lib/common.sh"

main() {
  local argument
  for argument in "$@"; do
    if [[ $argument == -h || $argument == --help ]]; then
      show_help "$self"
      return
    fi
  done
  # The helper ends when this shell is gone, whatever ended it.
  trap 'exit 0' INT TERM
  orchestrator simulate --parent-pid "$$" "$@" &
  wait "$!"
}

main "$@"
