#!/usr/bin/env bash
# Many writers on one log, killed -9 at random moments and replaced: no line torn, lost or doubled.
#
# Usage: tests/stress/journal.sh [WRITERS [LINES [BYTES [KILLS]]]]        (default 64 1000 16384 500)
#
# Runs twice: on one log, and on one that is rotated (renamed) five times meanwhile. Prints a line a run;
# on a violation the logs stay in the folder that is named.
#
# Exit codes: 0 nothing violated, 1 something was, 2 usage.
self="${BASH_SOURCE[0]}"
# shellcheck source=../../lib/common.sh
source "${self%"${self##*/}"}../../lib/common.sh"

main() {
  local given rotations status=0
  for given in "$@"; do
    if [[ $given == -h || $given == --help ]]; then
      show_help "$self"
      return
    fi
    [[ $given =~ ^[0-9]+$ ]] || die 2 "$given is no count; see '$PROGRAM --help'"
  done
  find_python
  for rotations in 0 5; do
    "$PYTHON" -X utf8 "$ROOT/tests/stress/journal.py" \
      "${1:-64}" "${2:-1000}" "${3:-16384}" "${4:-500}" "$rotations" || status=$?
  done
  return "$status"
}

main "$@"
