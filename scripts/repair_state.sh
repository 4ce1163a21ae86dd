#!/usr/bin/env bash
# Mend the state: finish what dead processes left behind, build usage files that are gone or unsound
# anew from the logs, and hold all of them against the usage log, to the millionth of a dollar.
#
# Usage:
#   scripts/repair_state.sh            mend and compare
#   scripts/repair_state.sh --anew     write every usage file anew from the log, sound or not
#   scripts/repair_state.sh --json     the report as one JSON object
#
# Exit codes: 0 files and log agree, 2 usage, 5 locked, 7 they differ or can't be written, 8 configuration.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator repair-state "$@"
}

main "$@"
