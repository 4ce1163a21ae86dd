# shellcheck shell=bash disable=SC2034  # the bats files read what is set here
# How the bats files start ./orchestrate.sh: in a place of its own, whose name holds a space.
# A file begins with `load starts`; its setup calls `make_place`, its teardown `clear_place`.

bats_require_minimum_version 1.5.0
ROOT="$(cd -P -- "${BATS_TEST_DIRNAME}/../.." && pwd)"
ORCHESTRATE="$ROOT/orchestrate.sh" # a file about another entry point puts that one here
TERMINAL="$ROOT/tests/bats/terminal.py"
TOOLS=(bash cat env git jq python3 readlink rm setpriv sh)
TASK='Implement user authentication with JWT'

# make_place: sets PLACE, REPO, LOG and the environment of `orchestrate`, kept in the array GIVEN.
# PATH holds the tools above alone, so that no client of the machine is found.
make_place() {
  local tool python=python3
  PLACE="$BATS_TEST_TMPDIR/a place"
  REPO="$PLACE/repo"
  LOG="$PLACE/logs/provider_recommendations.jsonl"
  mkdir -p -- "$PLACE/bin" "$PLACE/home" "$PLACE/tmp" "$REPO"
  [[ ! -x $ROOT/.venv/bin/python ]] || python="$ROOT/.venv/bin/python"
  for tool in "${TOOLS[@]}"; do
    ! type -P "$tool" >/dev/null || ln -s -- "$(type -P "$tool")" "$PLACE/bin/$tool"
  done
  GIVEN=(
    HOME="$PLACE/home"
    PATH="$PLACE/bin"
    TMPDIR="$PLACE/tmp"
    ORCHESTRATE_STATE="$PLACE/state"
    ORCHESTRATE_LOGS="$PLACE/logs"
    ORCHESTRATE_PYTHON="$python"
  )
  SIMULATOR=""
}

clear_place() {
  [[ -z $SIMULATOR ]] || kill -- "$SIMULATOR"
}

# orchestrate ARGUMENT...: with nothing in the environment but GIVEN.
orchestrate() {
  env -i "${GIVEN[@]}" "$ORCHESTRATE" "$@"
}

# in_terminal COLUMNS ANSWER ARGUMENT...: the same on a terminal, with ANSWER typed at the question; - types nothing.
in_terminal() {
  env -i TERM=xterm "${GIVEN[@]}" "$ROOT/.venv/bin/python" "$TERMINAL" "$1" "$2" "$ORCHESTRATE" "${@:3}"
}

# own_config [FILTER]: a configuration of this test's own; the jq FILTER makes its overlay.
own_config() {
  local entry
  mkdir -p -- "$PLACE/config"
  for entry in {providers,keywords,agents,prices,budgets,rules,suggest}.json schema agents; do
    [[ -e $PLACE/config/$entry ]] || ln -s -- "$ROOT/config/$entry" "$PLACE/config/$entry"
  done
  [[ -z ${1-} ]] || jq -n "$1" >"$PLACE/config/local.json"
  GIVEN+=(ORCHESTRATE_CONFIG="$PLACE/config")
}

# simulated [FILTER]: an upstream on loopback with keys and addresses in GIVEN; the jq FILTER makes its scenario.
simulated() {
  local url ready="$PLACE/ready.json" filter='{}'
  [[ -z ${1-} ]] || filter="$1"
  jq -n "$filter" >"$PLACE/scenario.json"
  "$ROOT/.venv/bin/python" -I -X utf8 "$ROOT/lib" simulate --scenario "$PLACE/scenario.json" --prices "$ROOT/config/prices.json" \
    --ready-file "$ready" --exit-after-s 120 --parent-pid "$$" >/dev/null 3>&- &
  SIMULATOR="$!"
  until [[ -f $ready ]]; do
    kill -0 "$SIMULATOR" # it ended without listening
    sleep 0.02
  done
  url="$(jq -r .url "$ready")"
  GIVEN+=(
    OPENAI_API_KEY=sim-key-codex ANTHROPIC_API_KEY=sim-key-claude GEMINI_API_KEY=sim-key-gemini
    OPENAI_BASE_URL="$url/v1" ANTHROPIC_BASE_URL="$url" GOOGLE_GEMINI_BASE_URL="$url"
  )
  URL="$url"
}

# keys: three keys whose upstreams are never asked: nothing listens there.
keys() {
  GIVEN+=(
    OPENAI_API_KEY=sim-key-codex ANTHROPIC_API_KEY=sim-key-claude GEMINI_API_KEY=sim-key-gemini
    OPENAI_BASE_URL=http://127.0.0.1:9/v1 ANTHROPIC_BASE_URL=http://127.0.0.1:9 GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:9
  )
}

# asked: how many requests the simulated upstream has had.
asked() {
  "$ROOT/.venv/bin/python" -I "$ROOT/tests/bats/fetch.py" "$URL/_sim/requests" | jq length
}

# seen_usage PROVIDER FILTER: an outside figure in the shape of seed 002: its flat fields alone.
seen_usage() {
  mkdir -p -- "$PLACE/state"
  jq -n --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "{timestamp: \$now} + $2" >"$PLACE/state/$1_usage.json"
}

# is FILTER <<<"$json": the jq FILTER is true; what was given is shown when it is not.
is() {
  local given
  given="$(cat)"
  jq -e "$1" >/dev/null <<<"$given" || {
    printf 'not so: %s\n%s\n' "$1" "$given" >&2
    return 1
  }
}

# one_line: stderr of the last `run --separate-stderr` is one line of ours and no traceback.
one_line() {
  # shellcheck disable=SC2154  # bats sets stderr
  [[ $stderr == 'orchestrate: '* && $stderr != *$'\n'* && $stderr != *Traceback* ]] || {
    printf 'not one line of ours:\n%s\n' "$stderr" >&2
    return 1
  }
}

# nothing_written: no state, no log, no file on its way between two steps.
nothing_written() {
  local found
  found="$(find "$PLACE/tmp" "$PLACE/home" "$PLACE/repo" -mindepth 1 && find "$PLACE" -name state -o -name logs)"
  [[ -z $found ]] || {
    printf 'written: %s\n' "$found" >&2
    return 1
  }
}
