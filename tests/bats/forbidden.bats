#!/usr/bin/env bats
# What no Bash file of the product may hold, each with its reason. A comment may speak of it.
# shellcheck disable=SC2016  # the lines in quotes are samples of code, nothing is to expand in them

load helper

@test "JSON is never taken apart by grep, sed, cut or awk" {
  forbid 'A text tool cuts JSON at a quote, a brace or a newline inside a string: ask a Python helper, or jq.' \
    '(^|[^[:alnum:]_./-])(grep|egrep|sed|cut|awk|tr)[[:space:]].*([Jj][Ss][Oo][Nn]|"[A-Za-z_]+\\?"[[:space:]]*:)|([Jj][Ss][Oo][Nn]|[Dd]ecision|[Rr]ecord).*[|][[:space:]]*(grep|egrep|sed|cut|awk|tr)([[:space:]]|$)' \
    --bad \
    "model=\"\$(grep -o '\"model\": *\"[^\"]*\"' <<<\"\$answer\")\"" \
    "cut -d: -f2 config/providers.json" \
    "cat config/prices.json | head | sed 's/,//'" \
    "awk -F'\"' '{ print \$4 }' <<<\"\$json\"" \
    "provider=\$(printf '%s' \"\$decision\" | cut -d, -f1)" \
    --good \
    "grep -c . <<<\"\$task\"" \
    "jq -r .provider <<<\"\$decision\"" \
    "provider=\"\$(orchestrator decide --json)\""
}

@test "JSON is never written by hand: no heredoc, here-string or printf of it" {
  forbid 'One quote in a task makes a broken line, and an injected field: Python or jq writes JSON.' \
    '([{,][[:space:]]*|^[[:space:]]*)\\?"[A-Za-z_]+\\?"[[:space:]]*:' \
    --bad \
    '  "task": "$task",' \
    'printf '\''{"task":"%s"}\n'\'' "$task"' \
    'echo "{\"task\": \"$task\"}"' \
    'orchestrator record <<<"{\"status\": \"$status\"}"' \
    --good \
    'jq -n --arg task "$task" '\''{task: $task}'\''' \
    'printf "%s: %s\n" "$PROGRAM" "$2"' \
    'die 2 "$option: unknown"'
}

@test "a failure is never swallowed together with its message" {
  forbid 'The message is thrown away and the failure taken for an answer: test for the case that is meant.' \
    '(2>>?|&>>?)[[:space:]]*/dev/null[[:space:]]*([|][|]|;[[:space:]]*true)|/dev/null[[:space:]]+2>&1[[:space:]]*([|][|]|;[[:space:]]*true)' \
    --bad \
    'usage="$(cat "$file" 2>/dev/null || echo 0)"' \
    'mkdir "$lock" 2> /dev/null || return 0' \
    'rm "$file" &>/dev/null || true' \
    'kill "$pid" >/dev/null 2>&1 || true' \
    --good \
    'type -P -- "$python" >/dev/null || die 4 "no python"' \
    '[[ -f $file ]] || return 0'
}

@test "no Python is written inside Bash" {
  forbid 'Nothing lints, types or tests it, and a value in it becomes code: a helper has a name under lib/.' \
    '[Pp][Yy][Tt][Hh][Oo][Nn][0-9.]*[}]?"?([[:space:]]+-([IEsSBqu]+|[XW][[:space:]]*[^[:space:]]+))*[[:space:]]+(-[A-Za-z]*c([[:space:]]|$)|(-[[:space:]]*)?<<[^<])' \
    --bad \
    "python3 -c 'print(1)'" \
    '"$python" -I -c "import $module"' \
    '"${PYTHON}" -I -X utf8 -c "1"' \
    "python3 - <<'PY'" \
    "python3 <<PY" \
    'python3 -I -X utf8 - <<PY' \
    --good \
    '"$python" -I -X utf8 "$ROOT/lib" "$@" || status=$?' \
    'python3 -m venv --clear .venv' \
    '.venv/bin/python -m pytest -q -c pytest.ini'
}

@test "nothing is evaluated" {
  forbid 'One quote in a task ends the string and the rest of it runs: a command is an array.' \
    '(^|[[:space:];&|({])eval([[:space:]]|$)' \
    --bad \
    'eval "$cmd"' \
    'local answer; eval $line' \
    'out="$(eval "$cmd")"' \
    --good \
    '"${argv[@]}"' \
    'orchestrator evaluate "$file"'
}

@test "config and .env are never sourced" {
  forbid 'Settings would be programs, with the rights of the user: Python parses them.' \
    '(^|[[:space:];&|({])(source|[.])[[:space:]]+[^#]*([Cc][Oo][Nn][Ff][Ii][Gg]|[Cc][Oo][Nn][Ff]|[Ee][Nn][Vv])' \
    --bad \
    'source "$ROOT/.env"' \
    '[[ -f .env ]] && . ./.env' \
    'set -a; source "$ORCHESTRATE_CONFIG/local"' \
    '. <(tr -d "\r" <.env)' \
    --good \
    'source "${self%"${self##*/}"}lib/common.sh"' \
    'lint ruff .venv/bin/ruff check --quiet .'
}
