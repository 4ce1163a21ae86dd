# shellcheck shell=bash
# What the bats files share; each begins with `load helper`.

ROOT="$(cd -P -- "${BATS_TEST_DIRNAME}/../.." && pwd)"

# product_scripts: every Bash file of the product, NUL between them; tests are not among them.
product_scripts() {
  find "$ROOT" \( -name .git -o -name .venv -o -name .venv-gateway -o -name node_modules -o -path "$ROOT/tests" -o -path "$ROOT/logs" \) \
    -prune -o -type f \( -name '*.sh' -o -path "$ROOT/.ci/*" \) -print0
}

# offences PATTERN FILE...: the lines that match, as FILE:LINE:TEXT; lines that are comments do not count.
offences() {
  local pattern="$1" file line number
  shift
  for file in "$@"; do
    number=0
    while IFS= read -r line || [[ -n $line ]]; do
      number=$((number + 1))
      [[ $line =~ ^[[:space:]]*'#' ]] || [[ ! $line =~ $pattern ]] || printf '%s:%d:%s\n' "${file#"$ROOT"/}" "$number" "$line"
    done <"$file"
  done
}

# forbid REASON PATTERN --bad LINE... --good LINE...: no file of the product has a line that matches.
# The pattern has to find every bad line and no good one first, so no rule passes by never matching.
forbid() {
  local reason="$1" pattern="$2" kind="" line found
  local -a scripts
  shift 2
  for line in "$@"; do
    case "$line" in
      --bad | --good)
        kind="$line"
        continue
        ;;
    esac
    found="$(offences "$pattern" <(printf '%s\n' "$line"))"
    if [[ $kind == --bad && -z $found ]]; then
      printf 'the rule does not find: %s\n' "$line" >&2
      return 1
    elif [[ $kind == --good && -n $found ]]; then
      printf 'the rule finds what is allowed: %s\n' "$line" >&2
      return 1
    fi
  done

  readarray -d '' -t scripts < <(product_scripts)
  ((${#scripts[@]} > 2)) || {
    printf 'only %d files were looked at\n' "${#scripts[@]}" >&2
    return 1
  }
  found="$(offences "$pattern" "${scripts[@]}")"
  if [[ -n $found ]]; then
    printf '%s\n%s\n' "$reason" "$found" >&2
    return 1
  fi
}
