#!/usr/bin/env bats
# y/n on a terminal, --yes, --dry-run; and what the log says of each.

load starts

setup() {
  make_place
}

teardown() {
  clear_place
}

# logged STATUS: the log holds one line, with this status.
logged() {
  jq -s . <"$LOG" | is "length == 1 and .[0].execution_metrics.status == \"$1\""
}

@test "n, nothing, anything else and end of file decline: exit 0, logged, the upstream never asked" {
  local answer
  simulated
  for answer in n N no '' maybe 'yes please' '^D'; do
    rm -rf -- "$PLACE/logs"
    run in_terminal 100 "$answer" "$REPO" "$TASK"
    [ "$status" -eq 0 ]
    [[ $output == *'Proceed with Codex via code-generator agent? (y/n): '*'declined; nothing was run'* ]]
    logged declined
  done
  [ "$(asked)" -eq 0 ]
  [ -z "$(ls -A "$PLACE/tmp")" ]
}

@test "Ctrl-C at the question ends with 130, runs nothing and leaves nothing behind" {
  simulated
  run in_terminal 100 '^C' "$REPO" "$TASK"
  [ "$status" -eq 130 ]
  [ "$(asked)" -eq 0 ]
  [ -z "$(ls -A "$PLACE/tmp")" ]
  [ ! -s "$PLACE/state/codex_usage.json" ]
}

@test "y, Y and yes run the task, and the answer is shown" {
  local answer
  simulated
  for answer in y Y yes; do
    rm -rf -- "$PLACE/logs"
    run in_terminal 100 "$answer" "$REPO" "$TASK"
    [ "$status" -eq 0 ]
    [[ $output == *'Simulated answer from codex.'* ]]
    logged success
  done
  [ "$(asked)" -eq 3 ]
}

@test "with a task from stdin the question needs --yes: the answer can't come from there" {
  simulated
  run --separate-stderr orchestrate "$REPO" - <<<$'Fix the loader\ny'
  [ "$status" -eq 2 ]
  [ "$(asked)" -eq 0 ]
  nothing_written
  run --separate-stderr orchestrate --yes --quiet "$REPO" - <<<$'Fix the loader\ny'
  [ "$status" -eq 0 ]
  [ "$output" = 'Simulated answer from codex.' ]
}

@test "--dry-run never asks and never calls, --yes or not, and is logged as recommended" {
  simulated
  run in_terminal 100 - --dry-run "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [[ $output != *'(y/n)'* ]]
  logged recommended
  rm -rf -- "$PLACE/logs"
  run --separate-stderr orchestrate -n --yes "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  logged recommended
  [ "$(asked)" -eq 0 ]
}

@test "--yes --json prints one object: the log line with the result" {
  simulated
  run --separate-stderr orchestrate --yes --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  jq -s . <<<"$output" | is 'length == 1'
  is '.result == "Simulated answer from codex." and .execution_metrics.status == "success"
    and .execution_metrics.tokens_used > 0 and .execution_metrics.cost_actual > 0
    and (.execution_metrics.attempts | length == 1)' <<<"$output"
  [ "$(jq -S 'del(.result)' <<<"$output")" = "$(jq -S . "$LOG")" ]
}

@test "the answer is alone on stdout; --quiet leaves stderr empty" {
  simulated
  run --separate-stderr orchestrate --yes "$REPO" "$TASK"
  [ "$output" = 'Simulated answer from codex.' ]
  [[ $stderr == *'Recommended Provider: CODEX'*'delivered: codex'* ]]
  run --separate-stderr orchestrate --yes --quiet "$REPO" "$TASK"
  [ "$output" = 'Simulated answer from codex.' ]
  [ -z "$stderr" ]
}

@test "control sequences in an answer reach no terminal" {
  simulated '{providers: {codex: {answer: "before\u001b]52;c;ZXZpbA==\u0007\u001b[2Jafter\u009b5n"}}}'
  run in_terminal 100 y "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [[ $output == *'before'*'after'* && $output != *$'\e]52'* && $output != *$'\a'* && $output != *$'\e[2J'* && $output != *$'\u009b'* ]]
}
