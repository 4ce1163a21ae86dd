#!/usr/bin/env bash
# Measure what has to be fast: each subject in turn, or those that are named.
#
# Usage: scripts/bench.sh [SUBJECT...]
#
#   decision   a whole start against a plain Python start, and what the classifier hits
#   selection  the cheapest of thirteen models, in process and as a process
#   ledger     64 processes that reserve and settle
#   journal    16 processes that append to one log
#   polling    a gigabyte of client records, read a second time
#   memory     the most that is held with logs of 10 MB and of 1 GB
#   report     the cost report on 200,000 tasks, against one pass of jq
#   batch      5, 200 and 10,000 tasks, against one start after the other and GNU parallel
#
# What is aimed at stands beside each figure. Machines differ: what counts is the comparison with the
# plain thing beside it, measured in the same run.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  find_python
  exec "$PYTHON" -X utf8 "$ROOT/scripts/bench.py" "$@"
}

main "$@"
