#!/usr/bin/env bash
# Suggest the Claude model that fits a task, given how much of each is used. Runs nothing.
#
# Usage: ./suggest_model.sh [--json] REPO TASK
#
#   ./suggest_model.sh . "Check the status"                haiku
#   ./suggest_model.sh api "Design the cache of the API"   opus
#   ./suggest_model.sh --json . - < task.txt               one JSON object, as it is logged
#   ./suggest_model.sh                                     asks, on a terminal
#
# REPO is a folder, or a name under $ORCHESTRATE_WORKSPACE. TASK is text, or - for stdin.
# Words, thresholds and the tiers of your repositories: config/suggest.json, or "suggest" in config/local.json.
#
# Exit codes: 0 suggested, 2 usage, 3 suggested although all models are nearly used up (see the
# reset), 7 state or log not writable, 8 configuration, 130 interrupted.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}lib/common.sh"

main() {
  local args
  case "${1-}" in
    -h | --help)
      show_help "${BASH_SOURCE[0]}"
      return
      ;;
  esac
  # The task goes through a pipe, never through the arguments of a process.
  exec {args}< <((($# == 0)) || printf '%s\0' "$@")
  orchestrator suggest --words "$args"
}

main "$@"
