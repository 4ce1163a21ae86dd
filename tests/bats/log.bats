#!/usr/bin/env bats
# The decision log: private, one line a task, readable with the queries of seed 002 as printed there.
# shellcheck disable=SC2154  # make_place and bats set the variables

load starts

setup() {
  make_place
}

teardown() {
  clear_place
}

# some_lines: a log with a recommended, a declined, a refused, a fallen-back, a failed and two successful tasks.
some_lines() {
  simulated '{providers: {gemini: {faults: [{kind: "status", status: 500}]}}}'
  orchestrate --yes --quiet "$REPO" "$TASK"
  orchestrate --yes --quiet "$REPO" 'Analyze market trends in energy sector'
  orchestrate -n "$REPO" 'Design distributed system architecture'
  in_terminal 80 n "$REPO" "$TASK"
  run orchestrate --yes --provider gemini --timeout 5 --model gemini-4-argon "$REPO" 'Explain "quotes" and \ and a
newline'
  seen_usage claude '{requests_percent: 100}'
  run orchestrate -n --provider claude "$REPO" "$TASK"
}

@test "every line is one JSON object of the seed's fields, with numbers for numbers" {
  some_lines
  [ "$(wc -l <"$LOG")" -eq 6 ]
  jq -s . <"$LOG" | is '[.[].execution_metrics.status] == ["success", "success", "recommended", "declined", "success", "refused"]'
  jq -s . <"$LOG" | is 'all(.[]; has("session_id") and has("task_id") and has("repository") and .schema == 1
    and (.recommendation.cost_estimate | type == "number") and (.task_classification.primary_score | type == "number")
    and all(.provider_state_at_recommendation[]; .cost_today | type == "number"))'
  jq -s . <"$LOG" | is '.[1].execution_metrics | .fallback_used == true and .provider != "gemini"
    and (.attempts[0] | .provider == "gemini" and .error_class == "SERVER") and .attempts[1].error_class == null'
  jq -s . <"$PLACE/logs/provider_usage.jsonl" | is 'length == 4 and ([.[].success] == [true, false, true, true])
    and ([.[].attempt_id] | unique | length == 4)'
}

@test "the queries of seed 002 section 10.2 run on the log as printed" {
  some_lines
  cd "$PLACE"

  # Provider usage distribution
  jq '.recommendation.provider' logs/provider_recommendations.jsonl | sort | uniq -c >distribution
  [ "$(wc -l <distribution)" -eq 3 ]
  grep -q '2 "claude"' distribution
  grep -q '2 "codex"' distribution

  # Cost tracking by day
  jq '.timestamp, .execution_metrics.cost_actual' logs/provider_recommendations.jsonl | paste - - | cut -d'T' -f1 | uniq -c >days
  grep -qE '^ +6 "20[0-9]{2}-[0-9]{2}-[0-9]{2}$' days

  # Failed recommendations (fallback activations)
  fallen="$(jq 'select(.recommendation.provider_reason != "primary available")' logs/provider_recommendations.jsonl | wc -l)"
  [ "$fallen" -gt 0 ]

  # Average execution time by provider
  jq '[.recommendation.provider, .execution_metrics.execution_time_seconds] | @csv' logs/provider_recommendations.jsonl | awk -F',' '{sum[$1]+=$2; count[$1]++} END {for (p in sum) print p, sum[p]/count[p]}' >average
  [ "$(wc -l <average)" -eq 3 ]
}

@test "a reason that is exactly 'primary available' tells a first choice from all others" {
  local fallen
  keys
  orchestrate -n "$REPO" "$TASK"
  seen_usage codex '{requests_percent: 100}'
  orchestrate -n "$REPO" "$TASK"
  fallen="$(jq -c 'select(.recommendation.provider_reason != "primary available")' "$LOG" | wc -l)"
  [ "$fallen" -eq 1 ]
}

@test "files are 0600 and folders 0700, whatever the umask" {
  local mask
  simulated
  for mask in 000 077 022; do
    rm -rf -- "$PLACE/logs" "$PLACE/state"
    (umask "$mask" && orchestrate --yes --quiet "$REPO" "$TASK")
    [ -z "$(find "$PLACE/logs" "$PLACE/state" -type f ! -perm 0600)" ]
    [ -z "$(find "$PLACE/logs" "$PLACE/state" -type d ! -perm 0700)" ]
    [ "$(find "$PLACE/logs" "$PLACE/state" -type f | wc -l)" -ge 5 ]
  done
}

@test "logs that can't be written are found out before anything is called: exit 7, with the path" {
  local kind
  simulated
  for kind in file folder-is-missing-below-a-file dangling-link log-is-a-folder log-is-a-fifo log-is-a-link usage-is-a-folder; do
    rm -rf -- "$PLACE/logs" "$PLACE/elsewhere" "$PLACE/state"
    case "$kind" in
      file) : >"$PLACE/logs" ;;
      folder-is-missing-below-a-file)
        : >"$PLACE/elsewhere"
        ln -s "$PLACE/elsewhere/logs" "$PLACE/logs"
        ;;
      dangling-link) ln -s "$PLACE/nowhere" "$PLACE/logs" ;;
      log-is-a-folder) mkdir -p "$LOG" ;;
      log-is-a-fifo) mkdir "$PLACE/logs" && mkfifo "$LOG" ;;
      log-is-a-link) mkdir "$PLACE/logs" && : >"$PLACE/elsewhere" && ln -s "$PLACE/elsewhere" "$LOG" ;;
      usage-is-a-folder) mkdir -p "$PLACE/logs/provider_usage.jsonl" ;;
    esac
    run --separate-stderr timeout 20 env -i "${GIVEN[@]}" "$ORCHESTRATE" --yes --quiet "$REPO" "$TASK"
    [ "$status" -eq 7 ] || {
      printf '%s: exit %s\n%s\n%s\n' "$kind" "$status" "$output" "$stderr" >&2
      return 1
    }
    one_line
    [[ $stderr == *"$PLACE/logs"* ]]
    [ "$(asked)" -eq 0 ]
    [ ! -s "$PLACE/elsewhere" ]
    [ -z "$(ls -A "$PLACE/tmp")" ]
  done
}

@test "a log folder that may not be changed is found out, also by one who only looks" {
  [ "$EUID" -eq 0 ] || skip 'chattr +i needs root'
  mkdir "$PLACE/logs"
  chattr +i "$PLACE/logs" || skip 'this file system knows no chattr'
  run --separate-stderr orchestrate -n "$REPO" "$TASK"
  chattr -i "$PLACE/logs"
  [ "$status" -eq 7 ]
  one_line
  [[ $stderr == *"$PLACE/logs"* ]]
}

@test "keys in the task and in the environment never reach a log, a transcript or the screen" {
  local key='sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789'
  simulated "{providers: {codex: {faults: [{kind: \"raw\", status: 401, body: {error: {message: \"Incorrect API key: sim-key-codex $key\"}}}]}}}"
  GIVEN+=(MY_SECRET=correct-horse-battery)
  run orchestrate --yes --provider codex "$REPO" "Use $key and AKIA0123456789ABCDEF and ghp_0123456789012345678901234567890123 and github_pat_11ABCDEFG0123456789012_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ and correct-horse-battery"
  [ "$status" -eq 4 ]
  for secret in "$key" AKIA0123 ghp_0123 github_pat_11 correct-horse sim-key-codex; do
    [[ $output != *"$secret"* ]]
    run grep -rF -- "$secret" "$PLACE/logs" "$PLACE/state"
    [ -z "$output" ]
  done
  is '.task_description | contains("[redacted]")' <"$LOG"
}
