#!/usr/bin/env bash
# Time a decision against a plain Python start in the same run, and count the classifier's hits.
#
# Usage: scripts/bench.sh [ROUNDS]        (default 40)
#
# Prints ratios, never bare times: machines differ, the ratio of two things in one run does not.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  case "${1-}" in
    -h | --help)
      show_help "${BASH_SOURCE[0]}"
      return
      ;;
  esac
  find_python
  exec "$PYTHON" -X utf8 "$ROOT/scripts/bench.py" "$ROOT" "${1:-40}"
}

main "$@"
