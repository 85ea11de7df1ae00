#!/usr/bin/env bash
# One step of action.yml: `migrate plan` or `migrate apply`, then its outputs, however it ended.
# The exit code becomes an output; the action's last step ends with it. The step's summary is written by migrate itself.
set -euo pipefail

migrate="$RUNNER_TEMP/migrate-venv/bin/migrate"
folder="$(mktemp -d "$RUNNER_TEMP/migrate.XXXXXX")"
result="$folder/result.json"
summary="$folder/summary.md"
options=(--json --summary "$summary")
if [ "$SANDBOX" = true ]; then
  options+=(--sandbox)
fi

code=0
case "$COMMAND" in
  plan)
    if [ -n "$REVIEW" ]; then
      options+=(--out "$REVIEW")
    fi
    "$migrate" plan "$PLAN" "${options[@]}" >"$result" || code=$?
    ;;
  apply)
    if [ -n "$EXPECT" ]; then
      options+=(--expect "$EXPECT")
    fi
    if [ "$ALLOW_GROWTH" = true ]; then
      options+=(--allow-growth)
    fi
    # What a job's own time limit kills cannot keep its state: this one ends before.
    timeout --foreground --preserve-status --signal=INT --kill-after=60s "${MINUTES}m" \
      "$migrate" apply "$PLAN" "${options[@]}" >"$result" || code=$?
    ;;
  *)
    echo "::error::command must be validate, plan or apply"
    code=1
    ;;
esac

if [ -n "$REPORT" ] && [ "$code" != 1 ] && [ "$code" != 4 ]; then
  report_options=()
  if [ "$SANDBOX" = true ]; then
    report_options+=(--sandbox)
  fi
  # A report that cannot be made is no reason to call the run failed.
  "$migrate" report "$PLAN" --out "$REPORT" "${report_options[@]}" || echo "::warning::no report was written"
fi

# Outputs hold text of many lines between two delimiters that nobody can guess.
delimiter="end_$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
field() {
  python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1])).get(sys.argv[2])).strip("\""))' "$result" "$1"
}
{
  echo "exit-code=$code"
  echo "result=$result"
  if [ "$COMMAND" = plan ] && [ "$code" = 0 ]; then
    echo "digest=$(field digest)"
    echo "changes=$(field changes)"
  fi
  if [ -s "$summary" ]; then
    echo "summary=$summary"
    printf 'comment<<%s\n' "$delimiter"
    cat "$summary"
    printf '%s\n' "$delimiter"
  fi
} >>"$GITHUB_OUTPUT"
