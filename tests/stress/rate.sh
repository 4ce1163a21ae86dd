#!/usr/bin/env bash
# Many starts at once against one rate limit, some killed -9: no window ever sees more than it allows.
#
# Usage: tests/stress/rate.sh [SECONDS [LIMIT [WINDOW_S [KILLS]]]]        (default 200 100 60 20)
#
# Eight workers start again and again, so that a limit of LIMIT requests in WINDOW_S seconds is full all
# the time. The simulated upstream counts every arrival. Prints how many came in the busiest window, and
# which share of the limit was used; on a violation the evidence stays in the folder that is named.
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
  exec "$PYTHON" -X utf8 "$ROOT/tests/stress/rate.py" "${1:-200}" "${2:-100}" "${3:-60}" "${4:-20}"
}

main "$@"
