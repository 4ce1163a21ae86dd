# shellcheck shell=bash
# Shared by the stress scripts, which take counts and nothing else; sourced after lib/common.sh.

# counts FILE PATTERN [WORD...]: shows the help of FILE when it is asked for, and refuses what is no count.
counts() {
  local given
  help_if_asked "$1" "${@:3}"
  for given in "${@:3}"; do
    [[ $given =~ ^$2$ ]] || die 2 "$given is no count; see '$PROGRAM --help'"
  done
}
