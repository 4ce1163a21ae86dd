# shellcheck shell=bash
# Shared by every Bash entry point: strict mode, ROOT, PROGRAM, die, show_help, help_if_asked, orchestrator.
# Loading it starts no process: it lies on a path that is measured in single milliseconds.
#
# An entry point begins like this ("../lib" instead of "lib" in scripts/):
#   self="${BASH_SOURCE[0]}"
#   [[ ! -L $self ]] || self="$(readlink -f -- "$self")"
#   # shellcheck source=lib/common.sh
#   source "${self%"${self##*/}"}lib/common.sh"

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  printf '%s: Bash 4.4 or newer is needed, this is %s; install a newer bash\n' "${0##*/}" "$BASH_VERSION" >&2
  exit 4
fi
set -euo pipefail
shopt -s inherit_errexit

# Under a umask of 000 everybody could put a module into a __pycache__ that Python makes.
umask o-w

PROGRAM="${0##*/}"

ROOT="${BASH_SOURCE[0]}"
[[ $ROOT == /* ]] || ROOT="$PWD/${ROOT#./}"
ROOT="${ROOT%/lib/common.sh}"
# Only a path with ".." in it (scripts/../lib) pays for a fork.
[[ $ROOT != */..* ]] || ROOT="$(cd -P -- "$ROOT" && printf '%s' "$PWD")"

# die CODE MESSAGE: one line on stderr, then exit CODE.
die() {
  printf '%s: %s\n' "$PROGRAM" "${2//$'\n'/ }" >&2
  exit "$1"
}

# show_help FILE: the header comment of FILE, from its second line to the first that is no comment.
show_help() {
  local line text=''
  {
    read -r line
    while IFS= read -r line && [[ $line == '#'* ]]; do
      line="${line#'#'}"
      text+="${line# }"$'\n'
    done
  } <"$1"
  printf '%s' "$text"
}

# help_if_asked FILE [WORD...]: shows the help of FILE and ends, when one of the words asks for it.
help_if_asked() {
  local file="$1" word
  for word in "${@:2}"; do
    if [[ $word == -h || $word == --help ]]; then
      show_help "$file"
      exit 0
    fi
  done
}

# find_python: sets PYTHON to the interpreter of the helpers.
find_python() {
  PYTHON="${ORCHESTRATE_PYTHON:-}"
  if [[ -z $PYTHON ]]; then
    PYTHON="$ROOT/.venv/bin/python"
    [[ -x $PYTHON ]] || PYTHON=python3
  fi
  type -P -- "$PYTHON" >/dev/null \
    || die 4 "$PYTHON: not found; install Python 3.11 or newer, run 'make setup', or set ORCHESTRATE_PYTHON"
}

# orchestrator COMMAND [ARGUMENT...]: one Python helper; stdin, stdout and the exit code are the helper's.
orchestrator() {
  local status=0 version
  [[ -n ${PYTHON:-} ]] || find_python
  "$PYTHON" -I -X utf8 "$ROOT/lib" "$@" || status=$?

  # An old Python ends in a failed import, with status 1: ask for its version then, never before.
  if ((status == 1)) && version="$("$PYTHON" --version 2>&1)" \
    && [[ $version =~ ^Python\ ([0-9]+)\.([0-9]+) ]] \
    && ((BASH_REMATCH[1] * 100 + BASH_REMATCH[2] < 311)); then
    die 4 "$PYTHON: this is $version; install Python 3.11 or newer, or set ORCHESTRATE_PYTHON"
  fi
  return "$status"
}

# become_orchestrator COMMAND [ARGUMENT...]: the same in place of this shell, so that signals reach the helper.
become_orchestrator() {
  [[ -n ${PYTHON:-} ]] || find_python
  exec "$PYTHON" -I -X utf8 "$ROOT/lib" "$@"
}
