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
# shellcheck source=counts.sh
source "${self%"${self##*/}"}counts.sh"

main() {
  local rotations status=0
  counts "$self" '[0-9]+' "$@"
  find_python
  for rotations in 0 5; do
    "$PYTHON" -X utf8 "$ROOT/tests/stress/journal.py" \
      "${1:-64}" "${2:-1000}" "${3:-16384}" "${4:-500}" "$rotations" || status=$?
  done
  return "$status"
}

main "$@"
