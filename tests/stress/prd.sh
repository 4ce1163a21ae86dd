#!/usr/bin/env bash
# A PRD whose stories build on each other, killed -9 and resumed: each story once, never before its needs.
#
# Usage: tests/stress/prd.sh [STORIES [KILLS]]        (default 30 3)
#
# The stories come in tens: a chain, a diamond, one that joins both, one alone. Killed are, in turn: the whole
# tree of processes, the coordinator alone, one worker. Prints a line a kill and a summary; on a violation the
# evidence stays in the folder that is named.
#
# Exit codes: 0 nothing violated, 1 something was, 2 usage.
self="${BASH_SOURCE[0]}"
# shellcheck source=../../lib/common.sh
source "${self%"${self##*/}"}../../lib/common.sh"
# shellcheck source=counts.sh
source "${self%"${self##*/}"}counts.sh"

main() {
  counts "$self" '[0-9]+' "$@"
  find_python
  exec "$PYTHON" -X utf8 "$ROOT/tests/stress/prd.py" "${1:-30}" "${2:-3}"
}

main "$@"
