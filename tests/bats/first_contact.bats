#!/usr/bin/env bats
# What a newcomer meets: no keys, no clients, no `make setup`.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153  # what is in quotes is not to expand; each test is a subshell of its own; make_place and bats set the variables

load starts

setup() {
  make_place
}

@test "the first command prints exactly one JSON object and records it" {
  cd "$ROOT"
  run --separate-stderr env -i HOME="$PLACE/home" PATH=/usr/bin:/bin ORCHESTRATE_STATE="$PLACE/state" ORCHESTRATE_LOGS="$PLACE/logs" \
    ./orchestrate.sh -n --json . "$TASK"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  jq -s . <<<"$output" | is 'length == 1'
  is '.task_description == "Implement user authentication with JWT"
    and .task_classification.primary_provider == "codex" and .recommendation.provider == "codex"
    and .recommendation.provider_reason == "primary available" and .recommendation.agent_assigned == "code-generator"
    and (.task_classification.all_scores | keys == ["claude", "codex", "gemini"])
    and (.task_classification.fallback_chain | sort == ["claude", "gemini"])
    and (.provider_state_at_recommendation.claude | .requests_percent == 0 and .cost_today == 0 and .daily_budget == 30)
    and (.recommendation.cost_estimate > 0 and .recommendation.cost_estimate < 1)
    and .execution_metrics.status == "recommended" and (.schema | type == "number") and has("result") == false
    and (.timestamp | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z$")) and (.task_sha256 | length == 64)' <<<"$output"
  [ "$(cat "$LOG")" = "$output" ]
}

@test "nothing but the Python of the system is needed to look" {
  GIVEN+=(ORCHESTRATE_PYTHON="$("$ROOT/.venv/bin/python" -I -c 'import sys; print(sys._base_executable)')")
  orchestrate -n --json "$REPO" "$TASK" | is '.recommendation.provider == "codex"'
}

@test "the five tasks of seed 002 section 2.2 go where it says, with a score within 5 of its table" {
  local provider score task row
  while IFS='|' read -r provider score task; do
    row="$(orchestrate -n --json "$REPO" "$task")"
    is ".task_classification | .primary_provider == \"$provider\" and .primary_score >= $score - 5 and .primary_score <= $score + 5" <<<"$row"
  done <<'TABLE'
codex|92|Implement user authentication with JWT
gemini|88|Analyze market trends in energy sector
claude|95|Design distributed system architecture
codex|87|Fix the bug in data loader
gemini|85|Explain OAuth2 flow
TABLE
}

@test "the four tasks of seed 002 section 5.3 get its agents" {
  local provider agent task
  while IFS='|' read -r provider agent task; do
    orchestrate -n --json "$REPO" "$task" \
      | is ".recommendation | .provider == \"$provider\" and .agent_assigned == \"$agent\""
  done <<'TABLE'
codex|code-generator|Implement authentication
claude|system-architect|Design system architecture
gemini|data-analyst|Analyze performance metrics
codex|code-reviewer|Review pull request
TABLE
}

@test "running without anything names the three ways and exits 4" {
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 4 ]
  [ -z "$output" ]
  [[ $stderr == *'Recommended Provider: CODEX'* ]]
  last="${stderr##*$'\n'}"
  [[ $last == 'orchestrate: '*'Install a client'*'npm install -g'*'export a key (OPENAI_API_KEY'*'make demo'* ]]
  is '.execution_metrics.status == "recommended" and .provider_state_at_recommendation.codex.block_kind == "readiness"' <"$LOG"

  run --separate-stderr orchestrate --yes --json "$REPO" "$TASK"
  [ "$status" -eq 4 ]
}

@test "help is the header comment, and asks nothing of the machine" {
  local line expected=""
  while IFS= read -r line && [[ $line == '#'* ]]; do
    line="${line#'#'}"
    expected+="${line# }"$'\n'
  done < <(tail -n +2 "$ORCHESTRATE")
  for option in --help -h; do
    run --separate-stderr env -i PATH="$PLACE/bin" ORCHESTRATE_PYTHON=/nowhere "$ORCHESTRATE" "$option"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$output"$'\n' = "$expected" ]
  done
  [[ $expected == *'Usage: ./orchestrate.sh'*'Exit codes:'* ]]
  nothing_written
}

@test "every option the help names is understood, and no other" {
  local option
  for option in $(orchestrate --help | grep -oE -- '(^|[ ,])--[a-z-]+' | tr -d ' ,' | sort -u); do
    [ "$option" != --help ] || continue
    run --separate-stderr orchestrate "$option"
    [[ $stderr != *'unknown option'* ]]
  done
  for option in --role --profile --worktree --version -x --Yes; do
    run --separate-stderr orchestrate "$option" x "$REPO" "$TASK"
    [ "$status" -eq 2 ]
    [[ $stderr == *"unknown option $option"* ]]
  done
}

@test "a Python that is missing or too old gets one line and exit 4" {
  run --separate-stderr env -i "${GIVEN[@]}" ORCHESTRATE_PYTHON=/nowhere/python "$ORCHESTRATE" -n "$REPO" "$TASK"
  [ "$status" -eq 4 ]
  [[ $stderr == *'/nowhere/python: not found'* && $stderr != *$'\n'* ]]

  printf '%s\n' '#!/bin/sh' '[ "$1" != --version ] || { echo Python 3.9.2; exit 0; }' 'exit 1' >"$PLACE/python"
  chmod +x "$PLACE/python"
  run --separate-stderr env -i "${GIVEN[@]}" ORCHESTRATE_PYTHON="$PLACE/python" "$ORCHESTRATE" -n "$REPO" "$TASK"
  [ "$status" -eq 4 ]
  [[ $stderr == *'this is Python 3.9.2; install Python 3.11'* ]]
}
