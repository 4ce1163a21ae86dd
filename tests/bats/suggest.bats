#!/usr/bin/env bats
# ./suggest_model.sh: which Claude model fits a task, given how much of each is used.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
  ORCHESTRATE="$ROOT/suggest_model.sh"
  LOG="$PLACE/logs/recommendations.jsonl"
}

teardown() {
  clear_place
}

# phase_1 FILTER: the usage file of Phase 1 in the state folder, from a jq FILTER.
phase_1() {
  mkdir -p -- "$PLACE/state"
  jq -n "$1" >"$PLACE/state/model_usage.json"
}

@test "the model of a task is on the screen, with repository, complexity, usage and capacity" {
  phase_1 '{opus: 45, sonnet: 78, haiku: 32}'
  run --separate-stderr orchestrate "$REPO" 'Check the status'
  [ "$status" -eq 0 ]
  for words in 'Model Recommendation' 'Repository: repo (other)' 'Task: Check the status' \
    'Complexity: -3 (check, status -2; 3 words -1; other repository 0)' 'Recommended: HAIKU' 'Model: claude-haiku-5-5' \
    'blocked at 80%' 'Opus:    45% ✅ Available, 35% left (percent/7d, phase 1, now)' 'Sonnet:  78% ✅ Available, 2% left'; do
    [[ $output == *"$words"* ]] || {
      printf 'not shown: %s\n%s\n' "$words" "$output" >&2
      return 1
    }
  done
}

@test "21 tasks around the thresholds get their model and exit 0" {
  local task model
  while IFS='|' read -r model task; do
    run --separate-stderr orchestrate --json "$REPO" "$task"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [ "$(jq -r .recommended_model <<<"$output")" = "$model" ] || {
      printf 'not %s: %s\n%s\n' "$model" "$task" "$output" >&2
      return 1
    }
  done <<'EOF'
haiku|Check the status
haiku|Quick look at the list of users
haiku|Show me in one summary what all of these many different files hold and who wrote them
haiku|hello
haiku|Please look at this file
haiku|Fix the bug
haiku|code review
haiku|Rebuild the latest designated prefix again
haiku|Review the code of the loader
haiku|It tests, fixes, builds and implements
sonnet|Add a feature for me
sonnet|Add a quick check of the status
sonnet|Do a code review of the loader
sonnet|DO A CODE-REVIEW OF THE LOADER
sonnet|Implement one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sonnet|Design it
opus|Design the whole cache layer
opus|Refactor it and fix the simple bug
opus|Change the multi-file loader, please
opus|Rename it in a cross-repository way
opus|Plan the migration of one two three four five six seven eight nine ten eleven twelve
EOF
}

@test "--json prints one object, which is the line in the log" {
  run --separate-stderr orchestrate --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  jq -s . <<<"$output" | is 'length == 1'
  is '.recommended_model == "sonnet" and .ideal_model == "sonnet" and .complexity_score == 1 and .ideal_available
    and has("fallback_reason") and .fallback_reason == null and has("time_to_reset_minutes") and .time_to_reset_minutes == null
    and .model == "claude-sonnet-5-5" and (.usage | keys == ["haiku", "opus", "sonnet"]) and .all_blocked == false
    and .schema == 1 and .repository_tier == "other"' <<<"$output"
  [ "$(jq -S . <<<"$output")" = "$(jq -S . "$LOG")" ]
  [ "$(jq -r .task_sha256 "$LOG")" = "$(printf '%s' "$TASK" | sha256sum | cut -d' ' -f1)" ]
  orchestrate "$REPO" "$TASK" >/dev/null
  jq -s . "$LOG" | is 'length == 2'
  # Nothing else is written: no usage file, no decision.
  [ "$(ls "$PLACE/logs")" = $'recommendations.jsonl\nrecommendations.jsonl.lock' ]
  [ ! -e "$PLACE/state" ]
}

@test "a blocked model gives way, and the reason is told" {
  phase_1 '{opus: 82, sonnet: 78, haiku: 32}'
  run --separate-stderr orchestrate "$REPO" 'Design the whole cache layer'
  [ "$status" -eq 0 ]
  [[ $output == *'Recommended: HAIKU'*'opus is blocked (82% used); haiku is the least used open model'*'Opus:    82% ⛔ Blocked until 20'* ]]
  run --separate-stderr orchestrate --json "$REPO" 'Design the whole cache layer'
  is '.recommended_model == "haiku" and .ideal_model == "opus" and (.ideal_available | not) and .fallback_reason != null' <<<"$output"
}

@test "when all are blocked the least used one is shown with its reset, and the exit code is 3" {
  phase_1 '{opus: 82, sonnet: 85, haiku: 92, resets_at: (now + 7500 | todate)}'
  run --separate-stderr orchestrate "$REPO" 'Check the status'
  [ "$status" -eq 3 ]
  [[ $output == *'Recommended: OPUS'*'every model is at 80% or more; opus is the least used'*'Reset: in 2 h 5 min (20'* ]]
  run --separate-stderr orchestrate --json "$REPO" 'Check the status'
  [ "$status" -eq 3 ]
  is '.recommended_model == "opus" and .all_blocked and .time_to_reset_minutes == 125' <<<"$output"
}

@test "the file of Phase 1 is read once, kept, and its figures count from then on" {
  phase_1 '{opus: 90, sonnet: 10, haiku: 20}'
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [[ $stderr == *'model_usage.json: taken over; kept as model_usage.json.taken' ]]
  is '.opus == 90' <"$PLACE/state/model_usage.json.taken"
  [ ! -e "$PLACE/state/model_usage.json" ]
  run --separate-stderr orchestrate --json "$REPO" "$TASK"
  [ -z "$stderr" ]
  is '.usage.opus.percent == 90 and .usage.opus.source == "phase 1"' <<<"$output"

  # A newer one counts instead, and the first is not lost.
  phase_1 '{opus: 5}'
  run --separate-stderr orchestrate --json "$REPO" "$TASK"
  is '.usage.opus.percent == 5 and .usage.sonnet.percent == 10' <<<"$output"
  is '.opus == 90' <"$PLACE/state/model_usage.json.taken"
  is '.opus == 5' <"$PLACE/state/model_usage.json.taken.1"
}

@test "a file of Phase 1 beside the configuration is taken over, too" {
  own_config
  printf '{"opus": 90}' >"$PLACE/config/model_usage.json"
  phase_1 '{haiku: 20}'
  run --separate-stderr orchestrate --json "$REPO" "$TASK"
  is '.usage.opus.percent == 90 and .usage.haiku.percent == 20 and .usage.sonnet.percent == null' <<<"$output"
  [ -e "$PLACE/config/model_usage.json.taken" ]
  [ -e "$PLACE/state/model_usage.json.taken" ]
}

@test "starts at the same time take the file of Phase 1 over without trouble, and all of them know its figures" {
  local number
  phase_1 '{opus: 90, sonnet: 10, haiku: 20}'
  for number in {1..8}; do
    orchestrate --json "$REPO" "$TASK" >"$PLACE/out.$number" 2>"$PLACE/err.$number" &
  done
  wait
  for number in {1..8}; do
    is '.usage.opus.percent == 90 and .usage.opus.source == "phase 1"' <"$PLACE/out.$number"
    [[ "$(<"$PLACE/err.$number")" != *orchestrate:* && "$(<"$PLACE/err.$number")" != *'not yet'* ]]
  done
  [ ! -e "$PLACE/state/model_usage.json" ]
  is '.opus == 90' <"$PLACE/state/model_usage.json.taken"
}

@test "a file of Phase 1 that says something else is named, exit 8, and stays" {
  phase_1 '{models: {opus: {used: "$4.50", limit: 10}}}'
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  one_line
  [[ $stderr == *"$PLACE/state/model_usage.json: models.opus: is {"* ]]
  [ -e "$PLACE/state/model_usage.json" ]
  [ ! -e "$LOG" ]
}

@test "our own calls fill the rows by model, and a model they fill gives way" {
  simulated
  own_config '{providers: {providers: {claude: {limits: [{metric: "requests", window_s: 604800, limit: 2, block_at_percent: 100, scope: "model"}]}}}}'
  ask_opus() {
    env -i "${GIVEN[@]}" "$ROOT/orchestrate.sh" --yes --quiet --provider claude --model claude-opus-5-5 "$REPO" "$TASK"
  }
  ask_opus
  run --separate-stderr orchestrate --json "$REPO" 'Design the whole cache layer'
  is '.recommended_model == "opus" and .usage.opus.percent == 50 and .usage.opus.source == "own calls" and .usage.haiku.percent == 0' <<<"$output"
  ask_opus
  run --separate-stderr orchestrate --json "$REPO" 'Design the whole cache layer'
  is '.recommended_model == "haiku" and .usage.opus.percent == 100 and (.usage.opus.retry_at | startswith("20"))' <<<"$output"
}

@test "before make setup it works with any Python 3.11, the file of Phase 1 included" {
  local plain
  plain="$("$ROOT/.venv/bin/python" -I -c 'import sys; print(sys._base_executable)')"
  run "$plain" -I -c 'import filelock'
  [ "$status" -ne 0 ]
  GIVEN+=(ORCHESTRATE_PYTHON="$plain")
  phase_1 '{opus: 90, sonnet: 10, haiku: 20}'
  run --separate-stderr orchestrate --json "$REPO" 'Design the whole cache layer'
  [ "$status" -eq 0 ]
  [[ $stderr == *"counts, but is not yet taken over"*"make setup"* ]]
  is '.recommended_model == "sonnet" and .usage.opus.percent == 90' <<<"$output"
  [ -e "$PLACE/state/model_usage.json" ]
}

@test "the tier of a repository and the words come from the configuration, mistakes in it are named" {
  own_config '{suggest: {repository_tiers: {production: {match: ["re*"]}}}}'
  run --separate-stderr orchestrate --json "$REPO" 'Design it'
  is '.repository_tier == "production" and .complexity_score == 3 and .recommended_model == "opus"' <<<"$output"

  own_config '{suggest: {models: {opus: "claude-9"}, thresholds: {haiku: 3}}}'
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  [[ $stderr == *"config/suggest.json: thresholds.haiku: is 3: less than thresholds.opus, 3"* ]]
  [[ $stderr == *"config/suggest.json: models.opus: is 'claude-9': a model of claude: claude-haiku-5-5"* ]]
  own_config '{suggest: {block_at_percent: "80"}}'
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  [[ $stderr == *"config/local.json: suggest.block_at_percent: is '80': integer"* ]]
  # Who only wants tasks run is not hindered by it, and check-config names it.
  run --separate-stderr env -i "${GIVEN[@]}" "$ROOT/orchestrate.sh" -n --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  run --separate-stderr env -i "${GIVEN[@]}" "$ROOT/.venv/bin/python" -I -X utf8 "$ROOT/lib" check-config
  [ "$status" -eq 8 ]
  [[ $stderr == *"config/local.json: suggest.block_at_percent"* ]]

  own_config '{providers: {providers: {claude: {enabled: false}}}}'
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  one_line
  [[ $stderr == *"config/suggest.json: provider: is 'claude': a provider that is enabled: codex, gemini"* ]]
}

@test "without a terminal what is missing is exit 2 and one line, and so is a mistake" {
  local -a given
  for given in '' 'REPO' '--jsno REPO TASK' 'REPO TASK more' 'nowhere TASK' '-- REPO'; do
    read -ra given <<<"$given"
    given=("${given[@]/#REPO/"$REPO"}")
    run --separate-stderr orchestrate "${given[@]}" </dev/null
    [ "$status" -eq 2 ]
    one_line
    [ -z "$output" ]
  done
  for task in '' '   ' $'\n' $'\xff\xfe'; do
    run --separate-stderr orchestrate "$REPO" "$task" </dev/null
    [ "$status" -eq 2 ]
    one_line
  done
  nothing_written
}

@test "a task comes from stdin, and closed descriptors do no harm" {
  run --separate-stderr orchestrate --json "$REPO" - <<<$'Design the\nwhole cache layer'
  [ "$status" -eq 0 ]
  is '.recommended_model == "opus" and .task_description == "Design the\nwhole cache layer\n"' <<<"$output"
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  is '.recommended_model == "sonnet"' <<<"$output"
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" "$REPO" -
  [ "$status" -eq 2 ]
  one_line
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" "$REPO"
  [ "$status" -eq 2 ]
  run --separate-stderr bash -c '"$@" <&- >&- 2>&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" "$REPO" "$TASK"
  [ "$status" -eq 7 ]
}

@test "on a terminal it asks for what is missing" {
  run in_terminal 100 "$REPO"$'\nDesign the whole cache layer'
  [ "$status" -eq 0 ]
  [[ $output == *'REPO (a folder, . for this one): '*'TASK (in one line): '*'Recommended: '*OPUS* ]]
  run in_terminal 100 'Fix the bug' "$REPO"
  [ "$status" -eq 0 ]
  [[ $output != *'REPO ('* && $output == *'TASK (in one line): '*'Recommended: '*HAIKU* ]]
  run in_terminal 100 '^D' "$REPO"
  [ "$status" -eq 2 ]
  run in_terminal 100 '^C' "$REPO"
  [ "$status" -eq 130 ]
  [[ $output != *Traceback* ]]
  run in_terminal 100 nowhere
  [ "$status" -eq 2 ]
  [[ $output != *'TASK (in one line)'* ]]
}

@test "no line is wider than the terminal, and colours are for a terminal alone" {
  local columns wide
  phase_1 '{opus: 82, sonnet: 85, haiku: 92}'
  run orchestrate "$REPO" "$TASK"
  for columns in 60 200; do
    run in_terminal "$columns" - "$REPO" 'Check the status of everything that is in the repository and tell me what you found there'
    [ "$status" -eq 3 ]
    wide="$(python3 -I "$ROOT/tests/bats/wider.py" "$columns" <<<"$output")"
    [ -z "$wide" ] || {
      printf 'at %d columns: %s\n' "$columns" "$wide" >&2
      return 1
    }
  done
  [[ $output == *$'\e[1m'* ]]
  GIVEN+=(NO_COLOR=1)
  run in_terminal 100 - "$REPO" "$TASK"
  [[ $output != *$'\e['* ]]
  run orchestrate "$REPO" "$TASK"
  [[ $output != *$'\e['* ]]
}

@test "a task is never executed, taken for an option, or a process's argument; keys in it are not logged" {
  local task key=sk-proj-planted0codex0key0q7w5e3r1t9y2u4i6
  cd "$REPO"
  for task in '$(touch pwned) `touch pwned` <(touch pwned)' '; touch pwned | touch pwned' $'\n touch pwned\n' '%s%s%n' '--json' -n '-h' '--words' \
    '"}, "evil": {"' $'\u202ebidi \e]52;c;ZXZpbA==\a\e[2J'; do
    run --separate-stderr orchestrate --json "$REPO" "$task"
    [ "$status" -eq 0 ]
    [ "$(jq -j .task_description <<<"$output" && printf .)" = "$task." ]
    run orchestrate "$REPO" "$task"
    [ "$status" -eq 0 ]
    [[ $output != *$'\e'* && $output != *$'\a'* && $output != *$'\u202e'* ]]
  done
  [ -z "$(find "$REPO" "$PLACE/tmp" "$PLACE/home" -mindepth 1)" ]
  orchestrate --json "$REPO" "Fix the key $key" >"$PLACE/out"
  run grep -c "$key" "$PLACE/out" "$LOG"
  [ "$output" = "$PLACE/out:0"$'\n'"$LOG:0" ]
  # The words are in no command line but the one a person typed.
  mkdir "$PLACE/watched"
  printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s"\nexec "%s" "$@"\n' "$PLACE/argv" "$ROOT/.venv/bin/python" >"$PLACE/watched/python3"
  chmod +x "$PLACE/watched/python3"
  GIVEN+=(ORCHESTRATE_PYTHON="$PLACE/watched/python3")
  orchestrate "$REPO" 'Fix the secret thing' >"$PLACE/out"
  run grep -c secret "$PLACE/argv"
  [ "$output" = 0 ]
}

@test "a log that can't be written is exit 7, named, and nothing is shown" {
  GIVEN+=(ORCHESTRATE_LOGS="$PLACE/file/logs")
  : >"$PLACE/file"
  run --separate-stderr orchestrate "$REPO" "$TASK"
  [ "$status" -eq 7 ]
  one_line
  [[ $stderr == *"$PLACE/file"* ]]
}

@test "--help is the header, and ends with 0" {
  run --separate-stderr orchestrate --help
  [ "$status" -eq 0 ]
  [[ $output == 'Suggest the Claude model'*'Exit codes: 0 suggested'* ]]
}
