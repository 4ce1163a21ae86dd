#!/usr/bin/env bats
# scripts/doctor.sh: what works, what does not, and what to do.
# shellcheck disable=SC2016,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
}

teardown() {
  clear_place
}

# doctor ARGUMENT...: with nothing in the environment but GIVEN.
doctor() {
  env -i "${GIVEN[@]}" "$ROOT/scripts/doctor.sh" "$@"
}

@test "where nothing is set up it says what to install and which keys to export, and writes nothing" {
  run --separate-stderr doctor
  [ "$status" -eq 4 ]
  [[ $output == 'No task can start now: nothing ready (a start ends with exit code 4)'* ]]
  [[ $output == *'DeepSeek: off (DEEPSEEK_API_KEY is not set)'* ]]
  [ -z "$stderr" ]
  run doctor --json
  is '.problems | map(select(.about != "git") | .do) == [
    "npm install -g @openai/codex and log in (run codex), or export OPENAI_API_KEY",
    "npm install -g @google/gemini-cli and log in (run gemini), or export GEMINI_API_KEY or GOOGLE_API_KEY",
    "npm install -g @anthropic-ai/claude-code and log in (run claude), or export ANTHROPIC_API_KEY"]' <<<"$output"
  nothing_written
}

@test "with keys it is silent about what to do, and a task leaves its mark as the last success" {
  simulated
  run --separate-stderr doctor
  [ "$status" -eq 0 ]
  [[ $output == 'A task can start now: Codex, Gemini, Claude'* && $output != *'What to do'* ]]
  orchestrate --yes --quiet --provider codex "$REPO" "$TASK" >/dev/null
  run --separate-stderr doctor --json
  [ "$status" -eq 0 ]
  is '.exit_code == 0 and (.ready | length) == 3 and .problems == []
    and (.last_successes | map([.provider, .transport, .account])) == [["codex", "api", "openai"]]
    and .providers.codex.limits[0].used == 1' <<<"$output"
  [[ $output != *sim-key* ]]
}

@test "an outage that tasks met is told, and --clear ends it" {
  simulated '{providers: {codex: {faults: [{kind: "status", status: 503, times: "always"}]}}}'
  own_config '{providers: {settings: {backoff: {base_s: 0.01, cap_s: 0.01, retry_after_cap_s: 1}}}}'
  for _ in 1 2 3; do
    run orchestrate --yes --provider codex "$REPO" "$TASK"
    [ "$status" -eq 5 ]
  done
  run doctor --provider codex
  [ "$status" -eq 5 ]
  [[ $output == *'openai: outage since '*'scripts/doctor.sh --clear openai'* ]]
  run doctor --clear openai
  [ "$status" -eq 0 ]
  [[ $output == 'openai: was outage since '*'; now it is closed' ]]
  run doctor --provider codex
  [ "$status" -eq 0 ]
}

@test "it runs from anywhere, also by a symlink, and tells its options" {
  ln -s -- "$ROOT/scripts/doctor.sh" "$PLACE/doc"
  cd -- "$PLACE"
  run env -i "${GIVEN[@]}" ./doc --json
  [ "$status" -eq 4 ]
  is '.exit_code == 4' <<<"$output"
  run doctor --help
  [ "$status" -eq 0 ]
  [[ $output == *'Usage: scripts/doctor.sh [options]'*'--clear ACCOUNT'* ]]
  run --separate-stderr doctor --clear nobody
  [ "$status" -eq 2 ]
  [[ $stderr == *"'nobody' is no account; there are chatgpt, openai"* ]]
  one_line
}

@test "make doctor starts it" {
  run make -C "$ROOT" --no-print-directory --dry-run doctor
  [ "$output" = scripts/doctor.sh ]
}
