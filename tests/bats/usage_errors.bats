#!/usr/bin/env bats
# A command line that can't be used: one line on stderr, exit 2, nothing written, nothing run.
# shellcheck disable=SC2153,SC2154  # make_place and bats set the variables

load starts

setup() {
  make_place
}

# refused WORDS ARGUMENT...: exit 2, one line that holds WORDS, nothing written.
refused() {
  local words="$1"
  shift
  run --separate-stderr orchestrate "$@"
  [ "$status" -eq 2 ] || {
    printf 'exit %s of: %s\n%s\n' "$status" "$*" "$stderr" >&2
    return 1
  }
  [ -z "$output" ]
  one_line
  [[ $stderr == *"$words"* ]] || {
    printf 'not told: %s\n%s\n' "$words" "$stderr" >&2
    return 1
  }
  nothing_written
}

@test "missing and surplus words are told" {
  refused 'REPO and TASK are missing'
  refused 'TASK is missing' "$REPO"
  refused 'TASK is missing' --yes "$REPO"
  refused 'words after TASK' "$REPO" "$TASK" --yes
  refused 'words after TASK' "$REPO" fix the bug
  refused 'REPO is empty' '' "$TASK"
}

@test "an unknown option, a value too many, missing, empty or wrong is told with what is allowed" {
  refused 'unknown option --nope' --nope "$REPO" "$TASK"
  refused 'unknown option -x' -x "$REPO" "$TASK"
  refused 'unknown option -ny' -ny "$REPO" "$TASK"
  refused '--yes takes no value' --yes=1 "$REPO" "$TASK"
  refused '--provider needs a value' --provider
  refused '--provider is empty' --provider= "$REPO" "$TASK"
  refused 'codex, gemini, claude' --provider nobody "$REPO" "$TASK"
  refused "'nobody'" --model nobody "$REPO" "$TASK"
  refused "'nobody'" --agent nobody "$REPO" "$TASK"
  refused 'cheap, medium, powerful' --tier dear "$REPO" "$TASK"
  refused 'allowed: cli, api' --transport pigeon "$REPO" "$TASK"
  for value in -1 10.5 five nan inf '' ' '; do
    refused 'allowed: a number, 0 to 10' --complexity "$value" "$REPO" "$TASK"
  done
  for value in -0.5 free nan infinity; do
    refused 'allowed: a number' --max-cost "$value" "$REPO" "$TASK"
  done
  for value in 0 -5 soon nan; do
    refused 'allowed: a number' --timeout "$value" "$REPO" "$TASK"
  done
}

@test "a model of another provider and an agent that only reads are refused, not ignored" {
  refused 'is not configured' --provider codex --model claude-opus-5-5 "$REPO" "$TASK"
  refused 'only reads' --agent code-reviewer --edit "$REPO" "$TASK"
}

@test "an empty task, one of spaces, and bytes that are no UTF-8 are told, from the command line and from stdin" {
  local task
  for task in '' ' ' $' \t\n ' $'\u00a0\u2003'; do
    refused 'the task is empty' "$REPO" "$task"
    refused 'the task is empty' "$REPO" - <<<"$task"
  done
  refused 'the task is empty' "$REPO" - </dev/null
  for task in $'a\xffb' $'\xc3' $'\xed\xa0\x80' $'caf\xe9'; do
    refused 'is not UTF-8' "$REPO" "$task"
    refused 'is not UTF-8' -n "$REPO" - <<<"$task"
  done
}

@test "a task above max_task_bytes is told with the limit, an endless one too" {
  own_config '{providers: {settings: {max_task_bytes: 1000}}}'
  head -c 1001 /dev/zero | tr '\0' x >"$PLACE/task"
  refused 'more bytes than max_task_bytes 1000' "$REPO" - <"$PLACE/task"
  refused 'more bytes than max_task_bytes 1000' "$REPO" - < <(yes)
}

@test "REPO that is missing, a file, an option or nothing readable is told" {
  : >"$PLACE/file"
  ln -s "$PLACE/nowhere" "$PLACE/dangling"
  refused "'$PLACE/nowhere' is not a folder" "$PLACE/nowhere" "$TASK"
  refused "'$PLACE/file' is not a folder" -n "$PLACE/file" "$TASK"
  refused 'is not a folder' "$PLACE/dangling" "$TASK"
  refused "'-x' is not a folder" -n -- -x "$TASK"
  refused '\x1b' -n $'no\e[31mwhere' "$TASK"
}

@test "with a workspace, REPO is a name in it, and nothing outside is accepted" {
  GIVEN+=(ORCHESTRATE_WORKSPACE="$PLACE/work")
  mkdir -p "$PLACE/work/api" "$PLACE/workshop"
  ln -s "$REPO" "$PLACE/work/link"
  refused 'outside the workspace' "$REPO" "$TASK"
  refused 'outside the workspace' .. "$TASK"
  refused 'outside the workspace' api/../.. "$TASK"
  refused 'outside the workspace' link "$TASK"
  refused 'outside the workspace' "$PLACE/workshop" "$TASK"
  refused 'is not a folder under' nowhere "$TASK"
  orchestrate -n --json api "$TASK" | is ".repository == \"$PLACE/work/api\""
  orchestrate -n --json "$PLACE/work/api" "$TASK" | is ".repository == \"$PLACE/work/api\""
}

@test "without a terminal and without --yes nothing runs: exit 2 says what to add" {
  keys
  refused 'add --yes to run, or -n to only look' "$REPO" "$TASK" </dev/null
  refused 'add --yes' "$REPO" - <<<"$TASK"
}
