#!/usr/bin/env bats
# Tasks without room are queued once, and scripts/run_deferred.sh runs them when there may be some.
# shellcheck disable=SC2016,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
  QUEUE="$PLACE/logs/deferred.jsonl"
}

teardown() {
  clear_place
}

# run_deferred ARGUMENT...: with nothing in the environment but GIVEN.
run_deferred() {
  env -i "${GIVEN[@]}" "$ROOT/scripts/run_deferred.sh" "$@"
}

# all_blocked: every provider is at its limit, until `rm` of the state.
all_blocked() {
  seen_usage codex '{requests_percent: 100}'
  seen_usage gemini '{tokens_percent: 95}'
  seen_usage claude '{requests_percent: 80}'
}

# soon_due: what is queued may have room now.
soon_due() {
  local rows
  rows="$(jq -c '.retry_at = "2026-01-01T00:00:00.000Z"' "$QUEUE")"
  printf '%s\n' "$rows" >"$QUEUE"
}

@test "a task without room is queued once, with its options, and the last line says how to run it" {
  keys
  all_blocked
  run --separate-stderr orchestrate --yes --tier cheap --max-cost 2 "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  [[ ${stderr##*$'\n'} == *'no provider has room'*'; queued: scripts/run_deferred.sh runs it when there is room' ]]
  run orchestrate --yes --tier cheap --max-cost 2 "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  is '.event == "queued" and .task == "'"$TASK"'" and .redacted == false and .repository == "'"$REPO"'"
    and .options == {tier: "cheap", max_cost_usd: 2} and (.retry_at | test("^20.*Z$")) and (.reason | test("percent"))' <"$QUEUE"
  [ "$(wc -l <"$QUEUE")" -eq 1 ]
  jq -s . "$LOG" | is 'map(.execution_metrics.status) == ["deferred", "deferred"]'
  [ "$(stat -c %a "$QUEUE")" = 600 ]
}

@test "a task that finds all providers out is queued, too" {
  keys
  run orchestrate --yes "$REPO" "$TASK" # nobody listens
  [ "$status" -eq 5 ]
  [[ $output == *"queued: scripts/run_deferred.sh"* ]]
  jq -s . "$QUEUE" | is 'map(.event) == ["queued"]'
  jq -s . "$LOG" | is 'map(.execution_metrics.status) == ["deferred"]'
}

@test "nothing is queued for a look, with --force, or with --no-defer" {
  local option
  keys
  all_blocked
  for option in -n --no-defer; do
    run orchestrate "$option" "$REPO" "$TASK"
    [ "$status" -eq 3 ]
  done
  jq -s . "$LOG" | is 'map(.execution_metrics.status) == ["refused", "refused"]'
  run orchestrate --yes --force "$REPO" "$TASK" # nobody listens
  [ "$status" -eq 5 ]
  [ ! -e "$QUEUE" ]
}

@test "a chain that is exhausted by limits is queued; it is run as it was started" {
  simulated '{providers: ({codex: 0, gemini: 0, claude: 0} | map_values({faults: [{kind: "status", status: 429, retry_after: 300}]}))}'
  run --separate-stderr orchestrate --yes --json --agent debugger "$REPO" 'Fix `the` "bug" $(id)'
  [ "$status" -eq 3 ]
  is '.execution_metrics.status == "deferred"' <<<"$output"
  [[ $stderr == *'queued: scripts/run_deferred.sh'* ]]
  run --separate-stderr run_deferred --yes
  [ "$status" -eq 0 ]
  [[ $stderr == *'nothing is due; 1 pending'* ]]
  rm -- "$PLACE/state/.state/breakers.json"
  soon_due
  run --separate-stderr run_deferred --yes
  [ "$status" -eq 0 ]
  [[ $output == *'Simulated answer from '* ]]
  jq -s . "$QUEUE" | is 'map(.event) == ["queued", "done"] and .[0].options == {agent: "debugger"}'
  jq -s . "$LOG" | is '.[1].execution_metrics.status == "success" and .[1].task_description == "Fix `the` \"bug\" $(id)"
    and .[1].recommendation.agent_assigned == "debugger"'
  run run_deferred --list
  [ "$output" = 'nothing waits' ]
}

@test "one that failed is not paid for again, the others are run all the same, and the exit code is 6" {
  simulated '{providers: {codex: {faults: [{kind: "status", status: 404, times: "always"}]}}}'
  all_blocked
  for option in codex claude; do
    run orchestrate --yes --provider "$option" "$REPO" "$TASK"
    [ "$status" -eq 3 ]
  done
  run orchestrate --yes "$REPO" "Explain OAuth2 flow"
  rm -rf -- "$PLACE/state"
  soon_due
  run --separate-stderr run_deferred --yes
  [ "$status" -eq 6 ]
  [[ ${stderr##*$'\n'} == 'run_deferred.sh: 1 of the due tasks were not done; --list names those that stay queued' ]]
  jq -s . "$LOG" | is 'map(.execution_metrics.status) == ["deferred", "deferred", "deferred", "failed", "success", "success"]'
  jq -s . "$QUEUE" | is 'map(.event) == ["queued", "queued", "queued", "failed", "done", "done"]'
  run run_deferred --list
  [ "$output" = 'nothing waits' ]
}

@test "two at once: the second runs nothing, also when the first was killed and its task goes on" {
  local first
  simulated '{providers: ({codex: 0, gemini: 0, claude: 0} | map_values({faults: [{kind: "slow_headers", seconds_per_byte: 0.02}]}))}'
  all_blocked
  run orchestrate --yes "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  rm -rf -- "$PLACE/state"
  soon_due
  env -i "${GIVEN[@]}" "$ROOT/scripts/run_deferred.sh" --yes >"$PLACE/first" 2>&1 3>&- &
  first=$!
  until (($(asked) > 0)); do sleep 0.05; done
  kill -KILL "$first"
  run --separate-stderr run_deferred --yes
  [ "$status" -eq 5 ]
  [[ ${stderr##*$'\n'} == *'what is due is being run already; look at it with --list' ]]
  until grep -q '"done"' "$QUEUE"; do sleep 0.05; done
  [ "$(asked)" -eq 1 ]
}

@test "a success takes a task out of the queue however it was started" {
  simulated
  all_blocked
  run orchestrate --yes "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  rm -rf -- "$PLACE/state"
  printf '%s' "$TASK" | orchestrate --yes --quiet --provider claude "$REPO" - >/dev/null
  jq -s . "$QUEUE" | is 'map(.event) == ["queued", "done"]'
}

@test "what held a key is queued without it, named, and not run" {
  simulated
  all_blocked
  run orchestrate --yes "$REPO" 'Use sk-proj-0123456789abcdefghij in the test'
  [ "$status" -eq 3 ]
  [[ $(<"$QUEUE") != *0123456789abcdefghij* ]]
  rm -rf -- "$PLACE/state"
  soon_due
  run --separate-stderr run_deferred --yes
  [ "$status" -eq 0 ]
  [[ $stderr == *'Use [redacted] in the test'*'not run, it held a key'* ]]
  [ "$(asked)" -eq 0 ]
}

@test "it asks on a terminal alone, and knows its options" {
  run --separate-stderr run_deferred
  [ "$status" -eq 2 ]
  [[ ${stderr##*$'\n'} == *'stdin is no terminal to ask on; add --yes, or --list to only look' ]]
  run run_deferred --now
  [ "$status" -eq 2 ]
  run run_deferred --help
  [ "$status" -eq 0 ]
  [[ $output == *'Usage: scripts/run_deferred.sh [--list] [--yes]'* ]]
}
