#!/usr/bin/env bash
# See it work: a simulated upstream on loopback, one task for each provider, and a fallback.
#
# Usage: scripts/demo.sh
#
# Needs no keys, no clients and no network. Writes only below logs/demo/: a copy of the configuration,
# the state and the logs, which stay there to be looked at.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

readonly DEMO="$ROOT/logs/demo"

start_simulator() {
  local ready="$DEMO/upstream.json" scenario="$ROOT/scripts/demo_scenario.json" waited=0
  orchestrator simulate --port 0 --prices "$ROOT/config/prices.json" --scenario "$scenario" \
    --ready-file "$ready" --exit-after-s 300 --parent-pid $$ >/dev/null &
  simulator=$!
  until [[ -s $ready ]]; do
    kill -0 "$simulator" || die 5 "the simulated upstream did not start; run 'make demo' again"
    waited=$((waited + 1))
    ((waited < 200)) || die 5 "the simulated upstream is not ready after 20 s"
    sleep 0.1
  done
  [[ $(<"$ready") =~ \"url\":\ ?\"([^\"]+)\" ]] || die 5 "$ready: names no address"
  url="${BASH_REMATCH[1]}"
}

stop_simulator() {
  [[ -n ${simulator-} ]] || return 0
  if kill "$simulator"; then wait "$simulator" || true; fi
  simulator=''
}

use_only_the_simulator() {
  export OPENAI_API_KEY=sk-demo-0001 ANTHROPIC_API_KEY=sk-demo-0002 GEMINI_API_KEY=sk-demo-0003
  export OPENAI_BASE_URL="$url/v1" ANTHROPIC_BASE_URL="$url" GOOGLE_GEMINI_BASE_URL="$url"
  unset ORCHESTRATE_WORKSPACE
  export DEEPSEEK_API_KEY='' OPENAI_COMPATIBLE_BASE_URL='' OLLAMA_BASE_URL='' LITELLM_API_KEY='' LITELLM_MASTER_KEY=''
  export ORCHESTRATE_CONFIG="$DEMO/config" ORCHESTRATE_STATE="$DEMO/state" ORCHESTRATE_LOGS="$DEMO"
}

task() {
  printf '\n$ ./orchestrate.sh --yes --transport api . "%s"\n' "$1"
  "$ROOT/orchestrate.sh" --yes --transport api "$ROOT" "$1"
}

main() {
  case "${1-}" in
    -h | --help)
      show_help "${BASH_SOURCE[0]}"
      return
      ;;
    ?*) die 2 "unknown argument $1; see scripts/demo.sh --help" ;;
  esac
  rm -rf -- "$DEMO"
  mkdir -p -- "$DEMO"
  cp -R -- "$ROOT/config" "$DEMO/config"
  rm -rf -- "$DEMO"/config/{*_usage.json,.state,local.json}
  trap stop_simulator EXIT
  start_simulator
  use_only_the_simulator

  task "Fix the bug in data loader"
  task "Analyze market trends in energy sector"
  task "Design distributed system architecture"
  printf '\nNow codex answers 429, too many requests:\n'
  task "Implement user authentication with JWT"

  printf '\nlogs/demo/provider_recommendations.jsonl, one line a task:\n\n'
  orchestrator summary
  printf '\nNothing was paid: the answers came from a simulated upstream, which has now stopped.\n'
}

main "$@"
