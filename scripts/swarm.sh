#!/usr/bin/env bash
# Let a coordinator take a complex task apart, agents do the parts, and a reviewer join their answers.
#
# Usage: scripts/swarm.sh [options] REPO TASK
#
#   scripts/swarm.sh . "Find out why the build is slow, and propose three ways out"
#   scripts/swarm.sh --yes --max-cost 2 api - < task.txt
#   scripts/swarm.sh -n . "..."                    who would take it apart; runs nothing
#
# REPO is a folder, or a name under $ORCHESTRATE_WORKSPACE. TASK is text, or - for stdin. The plan, each part
# with its provider, agent and what it builds on, is shown and asked about before the parts run. A plan that
# can't be used is sent back once. --max-cost holds for all of it, the coordinator's own call included.
#
# The joined answer goes to stdout. The options are those of scripts/batch_runner.sh, but for --repo and
# --pack; so are results, --resume, --status and the exit codes; 1: the task could not be taken apart.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  local args
  case "${1-}" in
    -h | --help)
      show_help "$self"
      return
      ;;
  esac
  # The task goes through a pipe, never through the arguments of a process.
  exec {args}< <((($# == 0)) || printf '%s\0' "$@")
  become_orchestrator swarm "$args"
}

main "$@"
