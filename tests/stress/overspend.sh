#!/usr/bin/env bash
# Many starts at once against one day budget, some killed -9 at random moments: nothing is ever overspent.
#
# Usage: tests/stress/overspend.sh [PROCESSES [RUNS [TRIALS]]]        (default 64 20 10)
#
# Each of PROCESSES workers makes RUNS starts against a simulated upstream. At 64 x 20 the budget is $5
# and 200 starts are killed; other sizes scale both. Prints a line a trial and a summary; on a violation
# the evidence stays in the folder that is named.
#
# Exit codes: 0 nothing violated, 1 something was, 2 usage.
self="${BASH_SOURCE[0]}"
# shellcheck source=../../lib/common.sh
source "${self%"${self##*/}"}../../lib/common.sh"
# shellcheck source=counts.sh
source "${self%"${self##*/}"}counts.sh"

main() {
  counts "$self" '[1-9][0-9]*' "$@"
  find_python
  exec "$PYTHON" -X utf8 "$ROOT/tests/stress/overspend.py" "${1:-64}" "${2:-20}" "${3:-10}"
}

main "$@"
