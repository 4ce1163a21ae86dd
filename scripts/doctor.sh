#!/usr/bin/env bash
# Tell what works, what does not, and what to do: clients, keys, logins, accounts that are out, limits
# with the source and age of every figure, budgets, folders. It changes nothing, but for --clear.
#
# Usage: scripts/doctor.sh [options]
#
#   scripts/doctor.sh                    all providers
#   scripts/doctor.sh --provider claude
#   scripts/doctor.sh --clear anthropic  the account has money or a plan again, or the outage is over
#
#   --provider P      only this provider
#   --clear ACCOUNT   forget what is known to be wrong with a billing account, and say what it was
#   --json            the same as one JSON object
#
# Exit codes: 0 a provider can take a task now, or the account is cleared; else what a start would end
# with: 3 no room, 4 nothing is ready, 5 outage, 7 state or logs, 8 configuration. 2 usage.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator doctor "$@"
}

main "$@"
