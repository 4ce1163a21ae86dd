#!/usr/bin/env bats
# Broken configuration is told whole, before anything runs.
# shellcheck disable=SC2154  # make_place and bats set the variables

load starts

setup() {
  make_place
  keys
}

@test "all problems of all files are told at once, each with what is allowed, and exit 8" {
  own_config '{surprise: 1, providers: {settings: {zone: 7, tie_margin: -1},
    providers: {codex: {enabled: "perhaps"}, gemini: {limits: [{metric: "smiles", limit: "many"}]}}},
    keywords: {strong: {nobody: ["x"]}}}'
  run --separate-stderr orchestrate --yes "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  [ -z "$output" ]
  for problem in 'config/local.json: surprise: ' 'settings.zone: ' 'settings.tie_margin: ' 'providers.codex.enabled: ' \
    'providers.gemini.limits[0].metric: ' 'providers.gemini.limits[0].limit: '; do
    [[ $stderr == *"$problem"* ]] || {
      printf 'not told: %s\n%s\n' "$problem" "$stderr" >&2
      return 1
    }
  done
  # Each line: file, path, what is wrong, what is allowed.
  while IFS= read -r line; do
    [[ $line =~ ^orchestrate:\ config/[a-z]+\.json:\ .+:\ .+:\ .+ ]]
  done <<<"$stderr"
  [[ $stderr != *Traceback* ]]
  nothing_written
}

@test "what one file says of another is checked: unknown provider, tier and client" {
  own_config '{keywords: {strong: {nobody: []}}, providers: {settings: {tiers: [{name: "cheap", below: 11}]}}}'
  run --separate-stderr orchestrate -n "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  [[ $stderr == *'strong.nobody: is not a provider: one of codex'* ]]
  [[ $stderr == *"tier: is 'medium': one of cheap"* ]]
}

@test "a file that is missing, cut off, no object or has a key twice is named" {
  local name content
  while IFS='|' read -r name content; do
    own_config
    rm -f -- "$PLACE/config/$name"
    [[ $content == missing ]] || printf '%s' "$content" >"$PLACE/config/$name"
    run --separate-stderr orchestrate -n "$REPO" "$TASK"
    [ "$status" -eq 8 ]
    [[ $stderr == "orchestrate: config/$name: document: "* && $stderr != *Traceback* ]]
    rm -rf -- "$PLACE/config"
  done <<'TABLE'
keywords.json|missing
prices.json|{"models": {
agents.json|[1, 2]
local.json|{"providers": {}, "providers": {}}
local.json|not JSON at all
local.json|{"providers": {"settings": {"tie_margin": NaN}}}
TABLE
}

@test "the overlay changes what it names and nothing else; a tracked file is never edited" {
  own_config '{providers: {providers: {codex: {enabled: false}}}}'
  orchestrate -n --json "$REPO" "$TASK" \
    | is '.recommendation.provider != "codex" and (.task_classification.all_scores | keys == ["claude", "gemini"])'
  [ -L "$PLACE/config/providers.json" ]
}

@test "a rule of a branch waits for ENABLE_TIME_RULES, one that forbids does not, and --explain names both" {
  git -C "$REPO" init --quiet --initial-branch=main
  own_config '{rules: {rules: {
    deploy: {reason: "quality counts", when: {branch: ["main"]}, tier: "powerful"},
    away: {reason: "by contract", when: {branch: ["main"]}, forbid: ["codex"]}}}}'
  run --separate-stderr orchestrate -n --json --explain "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [ "$(jq -r '[.recommendation.rules[].name] | join(" ")' <<<"$output")" = away ]
  [ "$(jq -r .provider_state_at_recommendation.codex.block_reason <<<"$output")" = 'forbidden by the rule away' ]
  [[ $stderr == *'Rule away: forbids codex, by contract'* ]]

  run --separate-stderr env -i "${GIVEN[@]}" ENABLE_TIME_RULES=true "$ORCHESTRATE" -n --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [ "$(jq -r .task_classification.tier <<<"$output")" = powerful ]

  run --separate-stderr env -i "${GIVEN[@]}" ENABLE_TIME_RULES=perhaps "$ORCHESTRATE" -n "$REPO" "$TASK"
  [ "$status" -eq 8 ]
  [[ $stderr == *"ENABLE_TIME_RULES: is 'perhaps': one of true, 1, yes, false, 0, no"* ]]
}
