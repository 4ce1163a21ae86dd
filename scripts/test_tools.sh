#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: the Python packages, the Debian packages, the real clients,
# the LiteLLM proxy (740 MB, in .venv-gateway).
# As root with apt-get it installs; otherwise it names the command. What is there already costs nothing.
#
# Usage:
#   scripts/test_tools.sh
#
# Environment:
#   CI=true   everything must be there at the end
#
# Exit codes: 0 go on with the tests (what is missing was named), 1 something has to be there and is not.
self="${BASH_SOURCE[0]}"
# shellcheck source=../lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

declare -A PACKAGES=([chattr]=e2fsprogs) # of a command whose package has another name
COMMANDS=(bats chattr faketime jq openssl parallel shellcheck shfmt strace)
CLIENTS=(claude codex gemini)
missing=()

# absent: the packages of the commands that are not on the PATH, one to a line.
absent() {
  local name
  for name in "${COMMANDS[@]}"; do
    type -P -- "$name" >/dev/null || printf '%s\n' "${PACKAGES[$name]:-$name}"
  done
}

debian_packages() {
  local listed
  local -a packages
  listed="$(absent)"
  [[ -n $listed ]] || return 0
  readarray -t packages <<<"$listed"

  if ((EUID == 0)) && type -P apt-get >/dev/null; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends "${packages[@]}" \
      || printf 'test tools: apt-get failed\n' >&2
    listed="$(absent)"
    [[ -n $listed ]] || return 0
    readarray -t packages <<<"$listed"
  fi
  printf 'test tools: %s: missing; install: sudo apt-get install -y %s\n' "${packages[*]}" "${packages[*]}" >&2
  missing+=("${packages[@]}")
}

# The clients follow the lock file: its copy inside node_modules says what is installed, and goes when npm starts over.
clients() {
  local folder="$ROOT/tests/clients" version
  local stamp="$folder/node_modules/.installed-lock.json"

  if ! type -P npm >/dev/null || ! type -P node >/dev/null; then
    printf 'test tools: npm is missing; install Node.js 20+ for the tests with the real clients\n' >&2
    missing+=(npm "${CLIENTS[@]}")
    return 0
  fi
  version="$(node --version)"
  if [[ ! $version =~ ^v([0-9]+)\. ]] || ((BASH_REMATCH[1] < 20)); then
    printf 'test tools: Node.js %s is too old; install Node.js 20+ for the tests with the real clients\n' "$version" >&2
    missing+=("${CLIENTS[@]}")
    return 0
  fi
  if [[ -f $stamp ]] && cmp -s -- "$folder/package-lock.json" "$stamp"; then
    return 0
  fi
  # npm 11 no longer runs install scripts, and claude's fetches nothing: it puts the binary in its place.
  if npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error >&2 \
    && node "$folder/node_modules/@anthropic-ai/claude-code/install.cjs" >&2; then
    cp -- "$folder/package-lock.json" "$stamp"
  else
    printf 'test tools: the clients could not be installed in tests/clients\n' >&2
    missing+=("${CLIENTS[@]}")
  fi
}

gateway() {
  if ! make --silent --no-print-directory -C "$ROOT" .venv-gateway/.stamp >&2; then
    printf 'test tools: the LiteLLM proxy could not be installed in .venv-gateway\n' >&2
    missing+=(litellm)
  fi
}

main() {
  if (($#)); then
    show_help "$self"
    [[ $1 == -h || $1 == --help ]] && return 0
    return 2
  fi
  make --silent --no-print-directory -C "$ROOT" setup-dev
  debian_packages
  clients
  gateway
  if [[ ${CI:-} == true ]] && ((${#missing[@]})); then
    die 1 "with CI=true these must be there: ${missing[*]}"
  fi
}

main "$@"
