#!/usr/bin/env bats
# The screen of a decision, and what it does without a terminal.
# shellcheck disable=SC2016,SC2153  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
}

@test "the screen says what seed 002 section 4.2 asks for" {
  run --separate-stderr orchestrate -n "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  for words in 'Multi-Provider Recommendation' 'Task Classification:' 'Primary:' 'Fallbacks:' 'Recommended Provider: CODEX' \
    'Cost Estimate: $' 'Daily Budget: $0.00 / $30.00' 'Alternatives:' 'Agent Selected: code-generator'; do
    [[ $output == *"$words"* ]] || {
      printf 'not shown: %s\n%s\n' "$words" "$output" >&2
      return 1
    }
  done
}

@test "--explain names the words that counted with their place, and why candidates fell out" {
  keys
  own_config '{providers: {providers: {claude: {limits: [{metric: "requests", window_s: 60, limit: 0, block_at_percent: 80}]}}}}'
  run --separate-stderr orchestrate -n --explain "$REPO" $'Please look.\nThen implementing the parser'
  [ "$status" -eq 0 ]
  [[ $output == *'Words that counted:'*'2:6'*'implementing (as implement): strong, +15 Codex'*'Raw scores'*'Complexity'* ]]
  [[ $output == *'Claude: out, requests_percent >= 80%'* ]]
  [[ $output == *'Gemini: in'* ]]

  run --separate-stderr orchestrate -n --explain --json "$REPO" "$TASK"
  jq -s . <<<"$output" | is 'length == 1'
  [[ $stderr == *'Words that counted:'* ]]
}

@test "colours are for a terminal, and not with NO_COLOR or a dumb one" {
  run orchestrate -n "$REPO" "$TASK"
  [[ $output != *$'\e['* ]]
  run in_terminal 100 - -n "$REPO" "$TASK"
  [[ $output == *$'\e[1m'*$'\e[0m'* ]]
  GIVEN+=(NO_COLOR=1)
  run in_terminal 100 - -n "$REPO" "$TASK"
  [[ $output != *$'\e['* ]]
  GIVEN+=(NO_COLOR= TERM=dumb)
  run in_terminal 100 - -n "$REPO" "$TASK"
  [[ $output != *$'\e['* ]]
}

@test "no line is wider than the terminal at 60 and at 200 columns" {
  local columns task
  keys
  seen_usage codex '{requests_percent: 99}'
  for columns in 60 200; do
    for task in "$TASK" 'Analyze market trends in energy sector' 'Design distributed system architecture' 'hello'; do
      run in_terminal "$columns" - -n "$REPO" "$task"
      [ "$status" -eq 0 ]
      wide="$(python3 -I "$ROOT/tests/bats/wider.py" "$columns" <<<"$output")"
      [ -z "$wide" ] || {
        printf 'at %d columns: %s\n' "$columns" "$wide" >&2
        return 1
      }
    done
  done
}

@test "no line is wider than 60 columns when no client and no key is there" {
  run in_terminal 60 - -n "$REPO" "$TASK"
  wide="$(python3 -I "$ROOT/tests/bats/wider.py" 60 <<<"$output")"
  [ -z "$wide" ] || {
    printf 'at 60 columns: %s\n' "$wide" >&2
    return 1
  }
}

@test "wider.py finds a line that is too wide" {
  run python3 -I "$ROOT/tests/bats/wider.py" 4 <<<$'abcd\n\e[1mabcd\e[0m\n✅ a\nabcde\n✅ ab'
  [ "$output" = $'5 columns: abcde\n5 columns: ✅ ab' ]
}
