#!/usr/bin/env bats
# scripts/batch_runner.sh: a queue is checked whole, shown, asked about, and each of its tasks is run once.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154  # what is in quotes is not to expand; make_place and bats set the variables

load starts

setup() {
  make_place
  ORCHESTRATE="$ROOT/scripts/batch_runner.sh"
  ln -s -- "$(type -P xargs)" "$PLACE/bin/xargs"
  QUEUE="$PLACE/queue.json"
}

teardown() {
  clear_place
}

# queue FILTER: the queue of this test, made by a jq FILTER.
queue() {
  jq -n "$1" >"$QUEUE"
}

# three: a queue of three tasks, each for another provider.
three() {
  queue '["Fix the bug in the loader", {task: "Analyze the trends in this data"}, {task: "Design the architecture of a system", id: "arch"}]'
}

# batch ARGUMENT...: run the queue of this test in the repository, with --yes.
batch() {
  orchestrate --yes --repo "$REPO" "$@" "$QUEUE"
}

# results: the results of the only batch, as an array in the order of the queue, the last of each.
results() {
  jq -s 'group_by(.number) | map(last)' "$PLACE"/logs/batches/*/results.jsonl
}

# prompts: what the upstream was sent, as an array.
prompts() {
  "$ROOT/.venv/bin/python" -I "$ROOT/tests/bats/fetch.py" "$URL/_sim/requests" | jq 'map(.prompt)'
}

# no_batch: there is no folder of one, begun or not.
no_batch() {
  local found
  found="$(find "$PLACE" -path '*/batches/*')"
  [[ -z $found ]] || {
    printf 'left behind: %s\n' "$found" >&2
    return 1
  }
}

@test "--help is the header of the script, wherever it stands, and needs nothing" {
  local words
  for words in --help -h '--yes -h' '--parallel 3 --help'; do
    # shellcheck disable=SC2086  # words
    run --separate-stderr orchestrate $words
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ $output == 'Run a queue of tasks'*'Usage: scripts/batch_runner.sh [options] [QUEUE]'*'--resume latest'*'Exit codes: 0 all done'* ]]
  done
  nothing_written
}

@test "-n shows the plan on stdout, asks nobody, sends nothing and leaves no folder behind" {
  simulated
  three
  run --separate-stderr orchestrate -n --repo "$REPO" --max-cost 5 "$QUEUE"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  for words in '  Batch 20' 'Tasks  At once  Batches ' $'\nAll         3 ' '  #1: Fix the bug in the loader: Codex ' '  #2: Analyze the trends in this data: Gemini ' \
    '  arch: Design the architecture of a system: Claude ' 'Expected to take about ' 'Ceiling: $5.00 for all of it' 'Budgets: $100.00 left today'; do
    [[ $output == *"$words"* ]] || {
      printf 'not shown: %s\n%s\n' "$words" "$output" >&2
      return 1
    }
  done
  run --separate-stderr orchestrate -n --json --quiet --repo "$REPO" "$QUEUE"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  is '.kind == "batch" and .nodes == 3 and .parallel == 5 and .max_cost_micro_usd == null and (.providers | map_values(.tasks)) == {codex: 1, gemini: 1, claude: 1}
    and (.providers | map(.cost_usd) | add) > 0 and (.listed | map(.name)) == ["#1", "#2", "arch"] and .expected_seconds > 0' <<<"$output"
  [ "$(asked)" -eq 0 ]
  no_batch
  [ ! -e "$LOG" ]
}

@test "what is wrong with any row is told at once, each with its index: exit 2, nothing is sent" {
  simulated
  printf '%s\n' '"Fix the first bug"' '{"task": "x", "tire": "cheap"}' '{"task": no json}' '5' '{"task": " ", "priority": "high"}' '' \
    '{"id": "a b", "task": "x"}' '{"task": "x", "depends_on": [5]}' '{"task": "x", "tier": "huge"}' '{"task": "x", "repo": "/nowhere"}' \
    '{"task": "x", "provider": "nobody"}' '{"task": "x", "max_cost": "much"}' '{"task": "x", "image": "none.png"}' >"$QUEUE"
  run --separate-stderr batch
  [ "$status" -eq 2 ]
  [ -z "$output" ]
  while IFS= read -r words; do
    [[ $stderr == *"orchestrate: $words"* ]] || {
      printf 'not told: %s\n%s\n' "$words" "$stderr" >&2
      return 1
    }
  done <<'EOF'
task 1: unknown option "tire"; did you mean tier?
task 2: is not JSON (
task 3: is 5; allowed: a text, or an object with a task
task 4: task is empty
task 4: priority is "high"; allowed: an integer, -1000 to 1000
task 5: id is "a b"; allowed: 1 to 64 letters
task 6: depends_on is 5; allowed: 1 to 64 letters
task 7: 
task 8: REPO '/nowhere' is not a folder
task 9: provider 'nobody' is not enabled
task 10: max_cost_usd is "much"; allowed: a number
task 11: 
nothing was run; mend the queue and start again
EOF
  [[ $stderr != *'task 0'* ]]
  [ "$(wc -l <<<"$stderr")" -eq 13 ]
  [ "$(asked)" -eq 0 ]
  no_batch
}

@test "circles, ids given twice, ids that are not there and missing folders are told together" {
  simulated
  queue '[{task: "x", id: "a", depends_on: ["b"]}, {task: "x", id: "b", depends_on: "a"}, {task: "x", id: "c"}, {task: "x", id: "c"},
    {task: "x", depends_on: "nobody"}, {task: "x", id: "self", depends_on: "self"}, {task: "x", repo: "/nowhere"}, {task: "x", provider: "nobody"}]'
  run --separate-stderr batch
  [ "$status" -eq 2 ]
  while IFS= read -r words; do
    [[ $stderr == *"orchestrate: $words"* ]] || {
      printf 'not told: %s\n%s\n' "$words" "$stderr" >&2
      return 1
    }
  done <<'EOF'
task 0: depends on itself: a -> b -> a
task 3: id "c" is given twice
task 4: depends on "nobody", which is not there
task 5: depends on itself: self -> self
task 6: REPO '/nowhere' is not a folder
task 7: provider 'nobody' is not enabled
EOF
  [ "$(asked)" -eq 0 ]
  no_batch
}

@test "a thousand problems are not a thousand lines" {
  queue '[range(1000)]'
  run --separate-stderr batch
  [ "$status" -eq 2 ]
  [ "$(wc -l <<<"$stderr")" -lt 30 ]
  [[ $stderr == *'and 980 more problems'* ]]
}

@test "a command line that can't be used ends with 2 and one line" {
  three
  keys
  while IFS= read -r words; do
    # shellcheck disable=SC2086  # words
    run --separate-stderr orchestrate --yes $words
    [ "$status" -eq 2 ] || {
      printf 'exit %s of %s\n%s\n' "$status" "$words" "$stderr" >&2
      return 1
    }
    one_line
  done <<EOF
--nope ${QUEUE// /?}
--parallel 0 ${QUEUE// /?}
--parallel many ${QUEUE// /?}
--parallel 257 ${QUEUE// /?}
--parallel nobody=2 ${QUEUE// /?}
--parallel
--on-wall wait ${QUEUE// /?}
--max-cost -1 ${QUEUE// /?}
--explain ${QUEUE// /?}
--no-defer ${QUEUE// /?}
--retry-failed ${QUEUE// /?}
--resume 20260101-000000-0000
--resume latest
--status latest
--status ../../etc
--status 20260101-000000-0000 ${QUEUE// /?}
${QUEUE// /?} ${QUEUE// /?}
$PLACE/none.json
$PLACE
EOF
  no_batch
}

@test "a queue of nothing is told, however it is written" {
  local text
  keys
  for text in '' $'\n\n' '[]' ' [ ] ' $'\ufeff'; do
    run --separate-stderr orchestrate --yes --repo "$REPO" - <<<"$text"
    [ "$status" -eq 2 ]
    one_line
    [[ $stderr == *'the queue is empty'* ]]
  done
  run --separate-stderr bash -c '"$@" <&-' - env -i "${GIVEN[@]}" "$ORCHESTRATE" --yes
  [ "$status" -eq 2 ]
  one_line
  no_batch
}

@test "an array, lines, blank lines, no last newline, CRLF and a BOM are the same queue" {
  local expected="" text
  local one='"Fix it"' two='{"task": "Explain it", "tier": "cheap", "id": "b"}' three='{"task":"Design\nit","depends_on":["b"]}'
  keys
  for text in "[$one,$two,$three]" $'[\n'"$one,"$'\n\n'"$two , $three"$'\n]\n' "$one"$'\n'"$two"$'\n'"$three" "$one"$'\n\n \t\n'"$two"$'\n'"$three"$'\n\n' \
    "$one"$'\r\n'"$two"$'\r\n'"$three"$'\r\n' $'\ufeff'"[$one,$two,$three]" $'\ufeff\n'"$one"$'\n'"$two"$'\n'"$three"; do
    printf '%s' "$text" >"$QUEUE"
    run --separate-stderr orchestrate -n --json --repo "$REPO" - <"$QUEUE"
    [ "$status" -eq 0 ]
    found="$(jq -c '[.nodes, .listed]' <<<"$output")"
    expected="${expected:-$found}"
    [ "$found" = "$expected" ]
  done
  is '.[0] == 3 and (.[1] | map(.name)) == ["#1", "b", "#3"] and .[1][2].needs == ["b"] and .[1][2].title == "Design"' <<<"$expected"
}

@test "equal rows stay separate tasks, each with a result of its own" {
  simulated
  queue '["Fix the bug", "Fix the bug", {task: "Fix the bug"}]'
  run --separate-stderr batch
  [ "$status" -eq 0 ]
  [ "$(asked)" -eq 3 ]
  results | is 'length == 3 and (map(.node_id) | unique | length) == 3 and (map(.task_id) | unique | length) == 3 and map(.number) == [1, 2, 3]'
}

@test "from a pipe it runs with --yes alone: no terminal, no question, no answer taken from the queue" {
  simulated
  run --separate-stderr orchestrate --repo "$REPO" <<<$'"Fix the bug"\n"y"\n'
  [ "$status" -eq 2 ]
  [[ ${stderr##*$'\n'} == 'orchestrate: there is no terminal to ask on; add --yes to run, or -n to only look' ]]
  [ "$(asked)" -eq 0 ]
  no_batch
  run --separate-stderr orchestrate --yes --repo "$REPO" <<<'"Fix the bug"'
  [ "$status" -eq 0 ]
  [ "$(asked)" -eq 1 ]
}

@test "on a terminal n and all else decline: exit 0, nothing is sent, nothing stays" {
  local answer
  simulated
  three
  for answer in n '' maybe '^D'; do
    run in_terminal 100 "$answer" --repo "$REPO" "$QUEUE"
    [ "$status" -eq 0 ]
    [[ $output == *'Run 3 tasks? (y/n): '* ]]
  done
  run in_terminal 100 '^C' --repo "$REPO" "$QUEUE"
  [ "$status" -eq 130 ]
  [ "$(asked)" -eq 0 ]
  no_batch
}

@test "on a terminal y runs them, also with the queue on stdin" {
  simulated
  three
  run in_terminal 100 y --repo "$REPO" "$QUEUE"
  [ "$status" -eq 0 ]
  [[ $output == *'Run 3 tasks? (y/n): '*'3 of 3 done (3 delivered)'*'/results.jsonl'* ]]
  [ "$(asked)" -eq 3 ]
  run env -i TERM=xterm "${GIVEN[@]}" "$ROOT/.venv/bin/python" "$TERMINAL" 100 yes "$BASH" -c '"$1" --repo "$2" <"$3"' - "$ORCHESTRATE" "$REPO" "$QUEUE"
  [ "$status" -eq 0 ]
  [[ $output == *'3 of 3 done (3 delivered)'* ]]
  [ "$(asked)" -eq 6 ]
}

@test "stdout is the path of the results alone, or with --json one object" {
  simulated
  three
  run --separate-stderr batch
  [ "$status" -eq 0 ]
  [ "$output" = "$(printf '%s\n' "$PLACE"/logs/batches/*/results.jsonl)" ]
  jq -s . "$output" | is 'length == 3 and all(.[]; .schema == 1 and .status == "success" and .outcome == "delivered" and (.answer | startswith("Simulated answer from "))
    and .cost_usd > 0 and .seconds > 0 and .attempts == 1 and .error == null and .branch == null and .packed == 1)'
  is '.nodes == 3 and .done == 3 and .status == "over" and .outcomes == {delivered: 3}' <"${output%/*}/summary.json"
  run --separate-stderr batch --json
  [ "$status" -eq 0 ]
  jq -s . <<<"$output" | is 'length == 1 and .[0].nodes == 3 and .[0].done == 3 and .[0].left == 0 and .[0].cost_usd > 0 and .[0].status == "over"'
  [ -s "$(jq -r .results <<<"$output")" ]
}

@test "a piped stderr has the plan, one line for each task that is over, and the summary" {
  simulated
  three
  run --separate-stderr batch
  [ "$status" -eq 0 ]
  told="${stderr##*══$'\n'}"
  [ "$(wc -l <<<"$told")" -eq 4 ]
  [ "$(grep -cE '^\[[123]/3\] delivered  (codex|gemini|claude) [a-z0-9.-]+  [0-9.]+ s  \$0\.[0-9]+  (Fix|Analyze|Design) ' <<<"$told")" -eq 3 ]
  [[ ${told##*$'\n'} == *': 3 of 3 done (3 delivered); '*' s, '*' billed' ]]
  [[ $stderr != *$'\e'* && $stderr != *$'\r'* ]]
}

@test "--quiet leaves stderr empty" {
  simulated
  three
  run --separate-stderr batch --quiet
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [[ $output == */results.jsonl ]]
}

@test "hostile texts reach the upstream as they are, and nothing in them runs" {
  local -a texts=('$(touch pwned) `touch pwned` <(touch pwned)' '; touch pwned | touch pwned && touch pwned' "'; touch pwned; '" '"; touch pwned; "'
    $'\n touch pwned\n' '%s%s%n' '{} {model} {folder}' '\n\t\\ \u0000' '"}, "evil": {"' --version -n help -- '; rm -rf .' '$HOME ~ * !!'
    $'مرحبا \u202ebidi zero\u200bwidth 🙂 tab\tand\rreturn' $'\e]52;c;ZXZpbA==\a' '-0' ' lead and trail ')
  simulated
  cd "$REPO"
  printf '%s\0' "${texts[@]}" | jq -Rs 'split("\u0000") | map(select(. != ""))' >"$QUEUE"
  run --separate-stderr orchestrate --yes --provider codex "$QUEUE"
  [ "$status" -eq 0 ]
  [ "$(prompts | jq -c sort)" = "$(jq -c sort "$QUEUE")" ]
  results | is "length == ${#texts[@]} and all(.[]; .status == \"success\")"
  [[ $stderr != *$'\e'* && $stderr != *$'\a'* && $stderr != *$'\u202e'* ]]
  [ "$(grep -c delivered <<<"$stderr")" -eq $((${#texts[@]} + 1)) ]
  [ -z "$(find "$REPO" "$PLACE/tmp" "$PLACE/home" -mindepth 1)" ]
  [ -z "$(find "$PLACE" "$ROOT" -maxdepth 1 -name pwned)" ]
}

@test "hostile values of a row are text, too" {
  simulated
  cd "$REPO"
  queue '["$(touch pwned)", "; touch pwned", "../..", "-x", "{}"] | map({task: "x", id: .}, {task: "x", repo: .}, {task: "x", model: .}, {task: "x", agent: .})'
  run --separate-stderr orchestrate --yes "$QUEUE"
  [ "$status" -eq 2 ]
  [ -z "$(find "$PLACE" "$ROOT" -maxdepth 2 -name pwned)" ]
  [ "$(asked)" -eq 0 ]
}

@test "the options of a row go before those of the command line, which hold for all others" {
  simulated
  queue '["Fix one", {task: "Fix two", provider: "claude"}, {task: "Fix three", tier: "powerful"}, {task: "Fix four", repo: "'"$PLACE/other"'", agent: "debugger"}]'
  mkdir -- "$PLACE/other"
  run --separate-stderr batch --provider gemini --tier cheap
  [ "$status" -eq 0 ]
  results | is 'map(.provider) == ["gemini", "claude", "gemini", "gemini"] and .[2].model != .[0].model and .[3].agent == "debugger"
    and (map(.repository) | unique) == ["'"$PLACE/other"'", "'"$REPO"'"]'
}

@test "what waits for a task that failed is skipped, the others are done: exit 6; --retry-failed does them" {
  simulated '{providers: {codex: {faults: [{kind: "status", status: 404, times: "always"}]}}}'
  queue '[{task: "Fix it", id: "a", provider: "codex"}, {task: "Explain it", id: "b", depends_on: "a"}, {task: "Explain it", depends_on: ["b"]}, "Explain something else"]'
  run --separate-stderr batch
  [ "$status" -eq 6 ]
  results | is 'map(.status) == ["failed", "skipped", "skipped", "success"] and .[1].error == "it depends on a, which was not done" and .[0].error != ""'
  [[ $stderr == *'1 of 4 done (1 delivered, 1 failed, 2 skipped)'*'3 not done: scripts/batch_runner.sh --resume 20'*' --retry-failed' ]]
  run --separate-stderr orchestrate --resume latest
  [ "$status" -eq 6 ]
  before="$(asked)"
  "$ROOT/.venv/bin/python" -I -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], b"{\"providers\": {\"codex\": {\"faults\": []}}}")' "$URL/_sim/scenario"
  run --separate-stderr orchestrate --resume latest --retry-failed
  [ "$status" -eq 0 ]
  results | is 'all(.[]; .status == "success")'
  [ "$(asked)" -eq $((before + 3)) ]
  is '.done == 4 and .runs == 3' <"$(printf '%s\n' "$PLACE"/logs/batches/*/summary.json)"
}

@test "--status tells how a batch is, for people and as JSON; there is no batch that was not begun" {
  simulated
  three
  batch --quiet >"$PLACE/results"
  name="$(basename "$(dirname "$(<"$PLACE/results")")")"
  for which in latest "$name"; do
    run --separate-stderr orchestrate --status "$which"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ $output == "$name: over; 3 done"$'\n'"$name: 3 of 3 done (3 delivered)"* ]]
    orchestrate --status "$which" --json | is ".batch == \"$name\" and .done == 3 and .left == 0"
  done
  for which in 20260101-000000-0000 "../$name" "$name/" '' '*'; do
    run --separate-stderr orchestrate --status "$which"
    [ "$status" -eq 2 ]
    one_line
  done
  run --separate-stderr orchestrate --resume "$name"
  [ "$status" -eq 0 ]
  [ "$(asked)" -eq 3 ]
}

@test "--max-cost that can't do refuses before anything is sent: exit 3" {
  simulated
  queue '[range(20) | "Design the architecture of system \(.)"]'
  run --separate-stderr batch --max-cost 0.0001
  [ "$status" -eq 3 ]
  one_line
  [[ $stderr == *'expected to cost $0.'*', more than the $0.0001 that --max-cost leaves; raise it, or leave tasks out' ]]
  [ "$(asked)" -eq 0 ]
  no_batch
}

@test "a month's budget that can't do refuses, --force runs it all the same" {
  simulated
  own_config '{budgets: {limits_usd: {month: 0.001}}}'
  queue '[range(4) | "Fix the bug \(.)"]'
  run --separate-stderr batch
  [ "$status" -eq 3 ]
  one_line
  [[ $stderr == *"left of this month's budget"* ]]
  [ "$(asked)" -eq 0 ]
  no_batch
}

@test "without clients and keys nothing can run: exit 4, and so it is without xargs" {
  three
  run --separate-stderr batch
  [ "$status" -eq 4 ]
  one_line
  no_batch
  simulated
  rm -- "$PLACE/bin/xargs"
  run --separate-stderr batch --quiet
  [ "$status" -eq 4 ]
  one_line
  [[ $stderr == *'xargs is missing; install GNU findutils' ]]
  [ "$(asked)" -eq 0 ]
  ln -s -- "$(type -P xargs)" "$PLACE/bin/xargs"
  run --separate-stderr orchestrate --resume latest --quiet
  [ "$status" -eq 0 ]
  [ "$(asked)" -eq 3 ]
}

@test "it runs in cron's empty environment, without HOME, and from any folder through a link" {
  simulated
  three
  run --separate-stderr bash -c 'cd / && unset HOME && exec "$@"' - env -i "${GIVEN[@]:1}" "$ORCHESTRATE" --yes --quiet --repo "$REPO" "$QUEUE"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  run --separate-stderr env -i "${GIVEN[@]:2}" ORCHESTRATE_STATE="$PLACE/state" "$BASH" "$ORCHESTRATE" --yes --quiet --transport api --repo "$REPO" "$QUEUE"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  ln -s -- "$ORCHESTRATE" "$PLACE/batch link"
  cd "$REPO"
  run --separate-stderr env -i "${GIVEN[@]}" "$PLACE/batch link" --yes --quiet "$QUEUE"
  [ "$status" -eq 0 ]
  [ "$(asked)" -eq 9 ]
}

@test "the output is the same in C, Turkish and German" {
  local locale expected=""
  simulated
  queue '["Fix the title: İstanbul ılık Größe 1,5 naïve", "IMPLEMENT THE IDEA"]'
  mkdir "$PLACE/locales"
  for locale in tr_TR de_DE; do
    [[ ! -f /usr/share/i18n/locales/$locale ]] || localedef -i "$locale" -f UTF-8 "$PLACE/locales/$locale.UTF-8"
  done
  for locale in C C.UTF-8 tr_TR.UTF-8 de_DE.UTF-8; do
    rm -rf -- "$PLACE/state" "$PLACE/logs" # so that nothing is learnt from the time before
    run --separate-stderr env -i "${GIVEN[@]}" LOCPATH="$PLACE/locales" LANG="$locale" LC_ALL="$locale" "$ORCHESTRATE" --yes --parallel 1 --repo "$REPO" "$QUEUE"
    [ "$status" -eq 0 ]
    found="$(sed -E 's/[0-9]{8}-[0-9]{6}-[0-9a-f]{4}/ID/g; s/[0-9.]+ (s|x)/N \1/g' <<<"$stderr")"
    expected="${expected:-$found}"
    [ "$found" = "$expected" ]
    results | is '.[0].title == "Fix the title: İstanbul ılık Größe 1,5 naïve"'
  done
  [[ $expected == *'İstanbul ılık Größe'*'2 of 2 done'* ]]
}

@test "tasks go through files and pipes: none is in the arguments or the environment of a process" {
  local running
  simulated '{providers: {codex: {latency_ms: 1500}}}'
  queue '["Fix a very secret plan 5f1c"]'
  batch --quiet >/dev/null 3>&- &
  running="$!"
  until [ "$(asked)" -eq 1 ]; do
    kill -0 "$running"
    sleep 0.05
  done
  printf '%s\n' 'very secret plan 5f1c' >"$PLACE/wanted"
  run grep -slaF -f "$PLACE/wanted" /proc/[0-9]*/cmdline /proc/[0-9]*/environ
  wait "$running"
  [ -z "$output" ]
}

@test "a batch that is there takes nothing that it did not begin with; a look at it runs nothing" {
  simulated '{providers: {codex: {faults: [{kind: "status", status: 400, times: "always"}]}}}'
  queue '["Fix the bug in loader"]'
  run --separate-stderr batch --quiet --provider codex
  [ "$status" -eq 6 ]
  run --separate-stderr env -i "${GIVEN[@]}" "$ROOT/scripts/batch_runner.sh" -n --resume latest --retry-failed
  [ "$status" -eq 0 ]
  [[ $output == *': over; 1 failed'* ]]
  [ "$(asked)" -eq 1 ]
  for option in --tier=cheap --edit --no-wait --on-wall=hold; do
    run --separate-stderr env -i "${GIVEN[@]}" "$ROOT/scripts/batch_runner.sh" "$option" --resume latest
    [ "$status" -eq 2 ]
    [[ $stderr == *'a batch keeps what it began with'* ]]
  done
}
