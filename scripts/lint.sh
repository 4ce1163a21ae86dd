#!/usr/bin/env bash
# Runs every linter over the project's files, new ones included, and fails when one of them has a finding.
#
# Usage:
#   scripts/lint.sh
#
# Exit codes: 0 clean, 1 findings or a linter is missing.
self="${BASH_SOURCE[0]}"
# shellcheck source=../lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

failed=0

# lint NAME COMMAND...: runs one linter, and the rest even when it has findings.
lint() {
  local name="$1"
  shift
  if ! "$@"; then
    printf 'lint: %s: not clean\n' "$name" >&2
    failed=1
  fi
}

# need COMMAND HOW: whether COMMAND is there; says HOW to get it if not.
need() {
  if ! type -P -- "$1" >/dev/null; then
    printf 'lint: %s is missing; %s\n' "$1" "$2" >&2
    failed=1
    return 1
  fi
}

main() {
  local file listed
  local -a listing=() shell_files=()

  if (($#)); then
    show_help "$self"
    [[ $1 == -h || $1 == --help ]] && return 0
    return 2
  fi
  cd -- "$ROOT"
  need git 'install it: apt-get install git' || return 1

  listed="$(git ls-files --cached --others --exclude-standard -- '*.sh' '*.bash' '*.bats' .ci/run)"
  readarray -t listing <<<"$listed"
  for file in "${listing[@]}"; do
    if [[ -f $file ]]; then shell_files+=("$file"); fi # not one that was deleted and is still in the index
  done

  if need .venv/bin/ruff "run 'make setup-dev'"; then
    lint 'ruff check' .venv/bin/ruff check --quiet .
    lint 'ruff format' .venv/bin/ruff format --quiet --diff .
  fi
  if need .venv/bin/mypy "run 'make setup-dev'"; then
    lint mypy .venv/bin/mypy --no-error-summary
  fi
  if need shellcheck 'install it: apt-get install shellcheck'; then
    lint shellcheck shellcheck -x -- "${shell_files[@]}"
  fi
  if need shfmt 'install it: apt-get install shfmt'; then
    lint shfmt shfmt -d -- "${shell_files[@]}"
  fi
  return "$failed"
}

main "$@"
