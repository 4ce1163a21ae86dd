#!/usr/bin/env bats
# Odd surroundings: locales, no HOME, folders with spaces, closed and full outputs.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153  # what is in quotes is not to expand; each test is a subshell of its own; make_place and bats set the variables

load starts

setup() {
  make_place
}

teardown() {
  clear_place
}

# steady: the log line without what differs from run to run.
steady() {
  jq -c 'del(.timestamp, .task_id, .run_id, .execution_metrics.start_time, .execution_metrics.end_time)'
}

# quiet_end: the last run left no traceback, no broken pipe's noise, and ended in a documented way.
quiet_end() {
  [[ $stderr != *Traceback* && $stderr != *'this is a bug'* && $stderr != *'write error'* && $stderr != *'Exception ignored'* ]] || {
    printf 'noise:\n%s\n' "$stderr" >&2
    return 1
  }
  case "$status" in
    0 | 7) ;;
    *)
      printf 'exit %s\n%s\n' "$status" "$stderr" >&2
      return 1
      ;;
  esac
}

@test "the output is the same in C, Turkish and German, for text with dotless i, umlauts and numbers" {
  local locale expected="" task='IMPLEMENT the title: İstanbul ılık Größe 1,5 naïve'
  mkdir "$PLACE/locales"
  for locale in tr_TR de_DE; do
    [[ ! -f /usr/share/i18n/locales/$locale ]] || localedef -i "$locale" -f UTF-8 "$PLACE/locales/$locale.UTF-8"
  done
  for locale in C POSIX C.UTF-8 tr_TR.UTF-8 de_DE.UTF-8 xx_XX nonsense; do
    run --separate-stderr env -i "${GIVEN[@]}" LOCPATH="$PLACE/locales" LANG="$locale" "$ORCHESTRATE" -n --json --complexity 1.5 "$REPO" "$task"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    line="$(steady <<<"$output")"
    screen="$(env -i "${GIVEN[@]}" LOCPATH="$PLACE/locales" LC_NUMERIC="$locale" LANG="$locale" "$ORCHESTRATE" -n "$REPO" "$task")"
    expected="${expected:-$line$screen}"
    [ "$line$screen" = "$expected" ]
  done
  [[ $expected == *İstanbul*ılık*Größe* && $expected == *'"primary_provider":"codex"'* ]]
}

@test "without HOME, and with cron's empty environment, a task is decided and run" {
  simulated
  run --separate-stderr env -i "${GIVEN[@]}" bash -c 'unset HOME; exec "$@"' - "$ORCHESTRATE" --yes --quiet "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [ "$output" = 'Simulated answer from codex.' ]
  [ -z "$stderr" ]
  run --separate-stderr env -i ORCHESTRATE_STATE="$PLACE/state" ORCHESTRATE_LOGS="$PLACE/logs" "$BASH" "$ORCHESTRATE" -n "$REPO" "$TASK"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

@test "the current folder, the state and the logs may have spaces, and relative names mean the current folder" {
  simulated
  mkdir "$PLACE/here we are"
  cd "$PLACE/here we are"
  GIVEN+=(ORCHESTRATE_STATE='my state' ORCHESTRATE_LOGS='my logs')
  run --separate-stderr orchestrate --yes --json . "$TASK"
  [ "$status" -eq 0 ]
  is ".repository == \"$PLACE/here we are\"" <<<"$output"
  [ -s 'my logs/provider_recommendations.jsonl' ]
  [ -s 'my state/codex_usage.json' ]
}

@test "it starts from anywhere: by a relative path, through a link, from PATH" {
  mkdir "$PLACE/my bin"
  ln -s "$ORCHESTRATE" "$PLACE/my bin/orchestrate link"
  cd "$REPO"
  env -i "${GIVEN[@]}" "$PLACE/my bin/orchestrate link" -n --json . "$TASK" | is '.recommendation.provider == "codex"'
  cd "$ROOT/tests"
  env -i "${GIVEN[@]}" ../orchestrate.sh -n --json . "$TASK" | is '.recommendation.provider == "codex"'
}

@test "a hostile PYTHONPATH, PYTHONSTARTUP, CDPATH and BASH_ENV of the repository change nothing" {
  cd "$REPO"
  printf 'import os\nos.system("touch pwned")\nraise SystemExit(1)\n' | tee json.py orchestrator.py os.py sitecustomize.py >/dev/null
  printf 'OPENAI_API_KEY=from-the-repo\n' >.env
  GIVEN+=(PYTHONPATH="$REPO" PYTHONSTARTUP="$REPO/json.py" PYTHONHOME= CDPATH="$PLACE:/")
  run --separate-stderr orchestrate -n --json . "$TASK"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [ ! -e pwned ]
  is '.provider_state_at_recommendation.codex.available == false' <<<"$output"
}

@test "closed stdin, stdout, stderr and all three: no traceback, no noise in the log" {
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  [ "$status" -eq 0 ]
  run --separate-stderr bash -c '"$@" >&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  run --separate-stderr bash -c '"$@" 2>&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  [ "$status" -eq 0 ]
  run --separate-stderr bash -c '"$@" <&- >&- 2>&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" -
  [ "$status" -eq 2 ]
  one_line
  jq -s . <"$LOG" | is 'length == 4'
}

@test "a run with closed outputs is recorded and paid for like any other" {
  simulated
  run --separate-stderr bash -c '"$@" <&- >&- 2>&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" --yes "$REPO" "$TASK"
  quiet_end
  jq -s . <"$LOG" | is 'length == 1 and .[0].execution_metrics.status == "success"'
  is '.requests_used == 1 and .reservations == {}' <"$PLACE/state/codex_usage.json"
}

@test "a full stdout ends with 7, a full stderr changes nothing" {
  run --separate-stderr bash -c '"$@" >/dev/full' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  [ "$status" -eq 7 ]
  one_line
  run --separate-stderr bash -c '"$@" 2>/dev/full' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n "$REPO" "$TASK"
  quiet_end
  [ "$status" -eq 0 ]
  run --separate-stderr bash -c '"$@" 2>/dev/full' - env -i "${GIVEN[@]}" "$ORCHESTRATE" "$REPO"
  [ "$status" -eq 2 ]
  run --separate-stderr bash -c '"$@" >/dev/full' - env -i "${GIVEN[@]}" "$ORCHESTRATE" --help
  [ "$status" -ne 0 ]
  [[ $stderr != *'unknown option'* && $stderr != *$'\n'* ]]
}

@test "a reader that leaves early (head -1) is no failure" {
  for arguments in '-n' '-n --json' '-n --explain'; do
    # shellcheck disable=SC2086  # words
    run --separate-stderr bash -c '"$@" | head -1; exit "${PIPESTATUS[0]}"' - env -i "${GIVEN[@]}" "$ORCHESTRATE" $arguments "$REPO" "$TASK"
    quiet_end
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
  done
  run --separate-stderr bash -c '"$@" | head -1' - "$ORCHESTRATE" --help
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  run --separate-stderr bash -c '"$@" | :; exit "${PIPESTATUS[0]}"' - env -i "${GIVEN[@]}" "$ORCHESTRATE" -n --json "$REPO" "$TASK"
  quiet_end
}
