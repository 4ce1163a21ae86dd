#!/usr/bin/env bash
# Run the user stories of a PRD, in the order of their dependencies, each on the provider that suits it.
#
# Usage: scripts/run_prd.sh [options] PRD
#
#   scripts/run_prd.sh --edit --repo shop prd.json
#   scripts/run_prd.sh -n prd.json                     check and show the plan, run nothing
#   scripts/run_prd.sh --yes --tier cheap prd.json     one tier for all
#   scripts/run_prd.sh --resume latest                 go on after Ctrl-C, kill -9 or a power cut
#
# PRD is a JSON file, - for stdin: {"userStories": [{"id", "title", "description", "acceptanceCriteria",
# "dependencies", "priority", "complexity", "preferred_provider", "required_capabilities", "domain",
# "delegation": {"subtasks": [...]}, ...}]}. A story may name any option of orchestrate.sh. Subtasks run
# first, each on its own; their story is told what came of them. What "passes" already is left out. A story
# begins from what those that it depends on changed.
#
# --tier and --provider hold for all stories, whatever they say. The options are those of
# scripts/batch_runner.sh, but for --pack; so are results, --resume, --status and the exit codes.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator prd "$@"
}

main "$@"
