#!/usr/bin/env bash
# A long queue of hostile texts, killed -9 again and again and resumed: every task once, none paid for twice.
#
# Usage: tests/stress/batch.sh [TASKS [PARALLEL [KILLS]]]        (default 10000 16 20)
#
# Killed are, in turn: coordinator, xargs and workers at once; the coordinator alone; one worker, while the
# batch goes on. The simulated upstream keeps what it was asked. Prints a line a kill and a summary; on a
# violation the evidence stays in the folder that is named.
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
  exec "$PYTHON" -X utf8 "$ROOT/tests/stress/batch.py" "${1:-10000}" "${2:-16}" "${3:-20}"
}

main "$@"
