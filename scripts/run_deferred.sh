#!/usr/bin/env bash
# Run the tasks that found no room and were queued, one after the other, as far as they are due.
#
# Usage: scripts/run_deferred.sh [--list] [--yes]
#
#   scripts/run_deferred.sh --list     what waits, and until when
#   scripts/run_deferred.sh            show what is due, ask, run it
#   scripts/run_deferred.sh --yes      run what is due without asking, as cron does
#
# A task is run as it was started, with its options, and leaves the queue once it was run, however it was
# started: one that failed is not paid for again. What found no room, no key or an outage stays. One that
# held a key was queued without it: it is named, and not run. Nothing is run by two of these at once.
#
# Exit codes: 0 all that was due is done, 2 usage, 5 another one runs what is due, 6 some of it is not done,
# 7 the log can't be read, 129, 130, 143 signals.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

# run_due: sets failed to how many of the due tasks were not done.
run_due() {
  local place=-1 status words lock alone
  failed=0
  # The task that runs holds the lock too: when this script is killed, nobody starts it a second time.
  lock="$(orchestrator deferred lock)"
  exec {alone}<>"$lock"
  orchestrator deferred alone "$alone"
  while true; do
    readarray -d '' -t words < <(orchestrator deferred next "$place")
    wait "$!"
    ((${#words[@]} > 0)) || return 0
    place="${words[0]}"
    printf '%s: %s\n' "$PROGRAM" "${words[1]}" >&2
    status=0
    # The task goes through a pipe, never through the arguments of a process.
    "$ROOT/orchestrate.sh" --yes "${words[@]:2}" - < <(orchestrator deferred task "$place") || status=$?
    ((status < 128)) || exit "$status"
    ((status == 0)) || failed=$((failed + 1))
  done
}

main() {
  local agreed='' answer word
  for word in "$@"; do
    case "$word" in
      -h | --help)
        show_help "$self"
        return
        ;;
      --list)
        orchestrator deferred list
        return
        ;;
      -y | --yes) agreed=yes ;;
      *) die 2 "unknown option $word; see --help" ;;
    esac
  done
  orchestrator deferred due >&2
  if [[ -z $agreed ]]; then
    [[ -t 0 ]] || die 2 "stdin is no terminal to ask on; add --yes, or --list to only look"
    printf 'Run what is due? (y/n): ' >&2
    read -r answer || answer=n
    [[ $answer == [yY] || $answer == [yY][eE][sS] ]] || return 0
  fi
  run_due
  ((failed == 0)) || die 6 "$failed of the due tasks were not done; --list names those that stay queued"
}

main "$@"
