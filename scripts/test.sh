#!/usr/bin/env bash
# Runs the linters and every test; installs what they need first. All phases run, whatever fails.
# The last line is "N passed, N failed"; a phase that breaks without naming a test counts as one failure.
#
# Usage:
#   scripts/test.sh
#   scripts/test.sh --soak    the long tests, too: those marked "soak", tests/stress at full size among them
#
# Environment:
#   CI=true   no tool and no client may be missing
#
# Exit codes: 0 all passed, 1 something failed, 2 usage.
self="${BASH_SOURCE[0]}"
# shellcheck source=../lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

reports=""  # a folder for this run
outcomes=() # STATUS:REPORT of every phase
broken=()   # the phases that failed
select=()   # what pytest takes

# phase NAME REPORT COMMAND...: runs it, then says how it ended and how long it took.
phase() {
  local name="$1" report="$2" began="$SECONDS" status=0 word=passed
  shift 2
  printf '\n== %s\n' "$name"
  "$@" || status=$?
  if ((status)); then
    word=FAILED
    broken+=("$name")
  fi
  outcomes+=("$status:$report")
  printf '== %s: %s in %d s\n' "$name" "$word" "$((SECONDS - began))"
}

skip() {
  printf '\n== %s: skipped: %s\n' "$1" "$2"
}

# pytest_phase NAME FOLDER [OPTION...]
pytest_phase() {
  local name="$1" folder="$2"
  shift 2
  if [[ ! -d $folder ]]; then
    skip "$name" "there is no $folder"
    return
  fi
  phase "$name" "$reports/$name.xml" \
    .venv/bin/python -m pytest -q "${select[@]}" "$@" --junit-xml="$reports/$name.xml" "$folder"
}

# bats closes its own report files only after it has ended: its stream is the report.
run_bats() {
  bats --jobs 2 --recursive --print-output-on-failure --formatter tap tests/bats | tee -- "$reports/bats.tap"
}

bats_phase() {
  if [[ ! -d tests/bats ]]; then
    skip bats 'there is no tests/bats'
    return
  fi
  phase bats "$reports/bats.tap" run_bats
}

# Its folder is always there, for the clients' own lock file: what counts is whether tests are.
clients_phase() {
  if ! compgen -G 'tests/clients/test_*.py' >/dev/null; then
    skip clients 'there is no tests/clients/test_*.py'
  elif ! type -P npm >/dev/null; then
    skip clients 'npm is missing; install Node.js 20+ to test with the real clients'
  elif [[ ! -f tests/clients/node_modules/.installed-lock.json ]]; then
    skip clients 'the clients are not installed; see scripts/test_tools.sh'
  else
    pytest_phase clients tests/clients -n 2
  fi
}

gateway_phase() {
  if [[ ! -f .venv-gateway/.stamp ]]; then
    skip gateway 'the LiteLLM proxy is not installed; see scripts/test_tools.sh'
  else
    pytest_phase gateway tests/gateway -n 2 --dist loadfile
  fi
}

main() {
  local soak=0 total status=0
  case "${1:-}" in
    "") ;;
    --soak) soak=1 ;;
    -h | --help)
      show_help "$self"
      return 0
      ;;
    *) die 2 "unknown option $1; see '$PROGRAM --help'" ;;
  esac
  cd -- "$ROOT"
  scripts/test_tools.sh

  reports="$(mktemp -d)"
  trap 'rm -rf -- "$reports"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  ((soak)) && select=(-m "")

  phase lint "" scripts/lint.sh
  pytest_phase python tests/python -n 2
  bats_phase
  clients_phase
  gateway_phase
  pytest_phase faults tests/faults -n 3 # they wait more than they work
  pytest_phase stress tests/stress

  total="$(.venv/bin/python -I -X utf8 scripts/sum_reports.py "${outcomes[@]}")" || status=$?
  if ((${#broken[@]})); then
    printf '\nfailed: %s\n' "${broken[*]}"
    status=1
  fi
  printf '%s\n' "$total"
  return "$status"
}

main "$@"
