#!/usr/bin/env bats
# Providers at their limit: fall back and say why; nobody left: exit 3, and when there will be.
# shellcheck disable=SC2016,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
  keys
}

teardown() {
  clear_place
}

@test "a provider at its limit, in a file with the fields of seed 002 alone, is left out and the screen says why" {
  local row
  seen_usage codex '{requests_used: 2500, requests_limit: 3000, requests_percent: 83, tokens_used: 450000, tokens_limit: 500000,
    tokens_percent: 90, cost_today: 12.50, daily_budget: 100.00}'
  row="$(orchestrate -n --json "$REPO" "$TASK")"
  is '.task_classification.primary_provider == "codex" and .recommendation.provider == "gemini"
    and .recommendation.provider_reason == "primary blocked (tokens_percent >= 90%), using fallback"
    and (.provider_state_at_recommendation.codex | .available == false and .tokens_percent == 90 and .cost_today == 12.5
      and .block_reason == "tokens_percent >= 90%" and .retry_at != null)' <<<"$row"
  run orchestrate -n "$REPO" "$TASK"
  [[ $output == *'Recommended Provider: GEMINI'*'Why: primary blocked (tokens_percent >= 90%), using fallback'* ]]
}

@test "the exact ratio decides, at each provider's own threshold, for requests, tokens and money" {
  local provider metric used of blocked
  while read -r provider metric used of blocked; do
    case "$metric" in
      cost_usd) seen_usage "$provider" "{cost_today: $used}" ;;
      *) seen_usage "$provider" "{${metric}_used: $used, ${metric}_limit: $of}" ;;
    esac
    orchestrate -n --json "$REPO" "$TASK" | is ".provider_state_at_recommendation.$provider.available == ($blocked | not)"
    rm -rf -- "$PLACE/state"
  done <<'TABLE'
codex requests 2549 3000 false
codex requests 2550 3000 true
codex tokens 449999 500000 false
codex tokens 450000 500000 true
gemini requests 79 100 false
gemini requests 80 100 true
gemini tokens 84999 100000 false
gemini tokens 85000 100000 true
claude requests 799 1000 false
claude requests 800 1000 true
claude tokens 239999 300000 false
claude tokens 240000 300000 true
codex cost_usd 29.99 30 false
codex cost_usd 30 30 true
gemini cost_usd 40.5 40 true
TABLE
}

# all_blocked: every provider is at its limit.
all_blocked() {
  seen_usage codex '{requests_percent: 100}'
  seen_usage gemini '{tokens_percent: 95}'
  seen_usage claude '{requests_percent: 80}'
}

@test "all blocked: exit 3 with retry_at in the JSON, and on stderr the provider, the moment and the cost of forcing" {
  local option
  all_blocked
  for option in -n --no-defer; do
    rm -rf -- "$PLACE/logs"
    run --separate-stderr orchestrate "$option" --json "$REPO" "$TASK"
    [ "$status" -eq 3 ]
    [[ ${stderr##*$'\n'} =~ ^orchestrate:\ no\ provider\ has\ room\ .*room\ from\ 20[0-9T:.-]+Z\;\ --force\ would\ run\ it\ on\ [a-z]+\ for\ about\ \$[0-9.]+$ ]]
    is '.execution_metrics.status == "refused" and .execution_metrics.outcome == "no_room"
      and (.execution_metrics.retry_at | test("^20.*Z$"))
      and .recommendation.provider_reason == "emergency: all providers blocked"
      and ([.recommendation.cost_estimate] + [.recommendation.alternatives[].cost] | .[0] == min)' <"$LOG"
    [[ $option == --no-defer ]] || [ "$output" = "$(cat "$LOG")" ]
  done
}

@test "all blocked: the moment named is within the minute the limits look back" {
  all_blocked
  run --separate-stderr orchestrate -n --json "$REPO" "$TASK"
  is '(.execution_metrics.retry_at[:19] + "Z" | fromdate) as $at | $at > now - 2 and $at <= now + 62' <<<"$output"
}

@test "all blocked by money: the moment named is midnight" {
  seen_usage codex '{cost_today: 30}'
  seen_usage gemini '{cost_today: 40}'
  seen_usage claude '{cost_today: 31.7}'
  run --separate-stderr orchestrate -n --json "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  is '.execution_metrics.retry_at | endswith("T00:00:00.000Z")' <<<"$output"
}

@test "--json prints the JSON also when running is refused" {
  all_blocked
  run --separate-stderr orchestrate --yes --json "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  is '.execution_metrics.retry_at != null' <<<"$output"
}

@test "--force runs the cheapest although every provider is over a limit" {
  simulated
  all_blocked
  run --separate-stderr orchestrate --yes --force --json "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  is '.execution_metrics.status == "success" and .recommendation.provider_reason == "emergency: all providers blocked"' <<<"$output"
  [ "$(asked)" -eq 1 ]
}

@test "a wish narrows, and is refused rather than ignored when its provider is blocked" {
  seen_usage codex '{requests_percent: 100}'
  run --separate-stderr orchestrate -n --json --provider codex "$REPO" "$TASK"
  [ "$status" -eq 3 ]
  is '.recommendation.provider == "codex" and .execution_metrics.status == "refused"' <<<"$output"
  orchestrate -n --json --provider claude "$REPO" "$TASK" \
    | is '.recommendation.provider == "claude" and .recommendation.provider_reason == "requested with --provider"'
}

@test "what a run used is counted: the next decision sees it, and the flat fields mirror it" {
  simulated '{providers: {codex: {output_tokens: 700}}}'
  used="$(orchestrate --yes --json "$REPO" "$TASK" | jq .execution_metrics.tokens_used)"
  is ".requests_used == 1 and .tokens_used == $used and .tokens_limit == 500000 and .cost_today > 0
    and .daily_budget == 30 and .reservations == {}" <"$PLACE/state/codex_usage.json"
  orchestrate -n --json "$REPO" "$TASK" | is '.provider_state_at_recommendation.codex | .requests_percent > 0 and .cost_today > 0'
}

@test "an old figure from outside no longer counts" {
  mkdir -p "$PLACE/state"
  jq -n '{timestamp: "2025-01-11T10:30:00Z", requests_percent: 99, tokens_percent: 99, cost_today: 99}' >"$PLACE/state/codex_usage.json"
  orchestrate -n --json "$REPO" "$TASK" | is '.recommendation.provider == "codex"'
}
