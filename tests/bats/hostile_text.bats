#!/usr/bin/env bats
# A task is data: from the command line or stdin, it reaches the provider as it is and nothing in it runs.
# shellcheck disable=SC2016,SC2153,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
  simulated
}

teardown() {
  clear_place
}

# sent: the task as the upstream got it, of its last request.
sent() {
  "$ROOT/.venv/bin/python" -I "$ROOT/tests/bats/fetch.py" "$URL/_sim/requests" | jq -j '.[-1].prompt'
}

@test "a task is never executed, expanded or taken for an option, from the command line and from stdin" {
  local task
  cd "$REPO"
  for task in '$(touch pwned) `touch pwned` <(touch pwned)' '; touch pwned | touch pwned && touch pwned' "'; touch pwned; '" '"; touch pwned; "' \
    $'\n touch pwned\n' '%s%s%n' '{} {model} {folder} {private}' '\n\t\\ \u0000' '"}, "evil": {"' --version -n help '--' '; rm -rf .' '$HOME ~ * !!' \
    $'مرحبا \u202ebidi zero\u200bwidth 🙂 tab\tand\rreturn'; do
    run --separate-stderr orchestrate --yes --json --provider codex "$REPO" "$task"
    [ "$status" -eq 0 ] || {
      printf 'exit %s of %s\n%s\n' "$status" "$task" "$stderr" >&2
      return 1
    }
    [ "$(sent && printf .)" = "$task." ]
    [ "$(jq -j .task_description <<<"$output" && printf .)" = "$task." ]
    [ "$(jq -r .task_sha256 <<<"$output")" = "$(printf '%s' "$task" | sha256sum | cut -d' ' -f1)" ]
  done
  # The same through stdin, where the last newline belongs to the task.
  for task in '$(touch pwned)' '-n' $'two\nlines\n' ' lead and trail '; do
    printf '%s' "$task" >"$PLACE/task"
    orchestrate --yes --quiet --provider codex "$REPO" - <"$PLACE/task"
    [ "$(sent && printf .)" = "$task." ]
  done
  [ -z "$(find "$REPO" "$PLACE/tmp" "$PLACE/home" -mindepth 1)" ]
  [ ! -e "$PLACE/pwned" ]
  [ ! -e "$ROOT/pwned" ]
}

@test "a hostile value of an option is text, too" {
  cd "$REPO"
  for value in '$(touch pwned)' '; touch pwned' '{}' '%s'; do
    for option in --provider --model --agent --tier --transport --complexity; do
      run --separate-stderr orchestrate "$option" "$value" "$REPO" "$TASK"
      [ "$status" -eq 2 ]
      one_line
    done
  done
  [ -z "$(ls -A "$REPO")" ]
}

@test "a repository whose name is hostile is only a name" {
  local folder="$PLACE/\$(touch pwned); a 'b' \"c\" {model}"
  mkdir -- "$folder"
  cd "$folder"
  run --separate-stderr orchestrate --yes --json . "$TASK"
  [ "$status" -eq 0 ]
  [ "$(jq -r .repository <<<"$output")" = "$folder" ]
  [ -z "$(ls -A "$folder")" ]
}

@test "the task is in no process's arguments while it runs" {
  local task='a very secret plan 5f1c' running
  clear_place
  rm -f -- "$PLACE/ready.json"
  simulated '{providers: {codex: {latency_ms: 1500}}}'
  orchestrate --yes --quiet --provider codex "$REPO" - <<<"$task" 3>&- &
  running="$!"
  until [ "$(asked)" -eq 1 ]; do
    kill -0 "$running"
    sleep 0.05
  done
  printf '%s\n' "$task" >"$PLACE/wanted"
  run grep -slaF -f "$PLACE/wanted" /proc/[0-9]*/cmdline /proc/[0-9]*/environ
  wait "$running"
  [ -z "$output" ]
}
