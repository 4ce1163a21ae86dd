#!/usr/bin/env bash
# Write config/prices.json anew from the price data inside the genai-prices wheel.
#
# Usage: scripts/prices.sh
#
# It asks nobody: a newer wheel in requirements-dev.txt brings newer prices. The file is replaced in
# one piece, and only when the new one was made whole.

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
    ?*) die 2 "unknown argument $1; see scripts/prices.sh --help" ;;
  esac
  local python="$ROOT/.venv/bin/python" fresh="$ROOT/config/.prices.json.new"
  [[ -x $python ]] || die 4 "the development packages are missing; run 'make setup-dev'"
  trap 'rm -f -- "$fresh"' EXIT
  "$python" -I -X utf8 "$ROOT/scripts/prices.py" >"$fresh"
  mv -- "$fresh" "$ROOT/config/prices.json"
  orchestrator check-config
}

main "$@"
