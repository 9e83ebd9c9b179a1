#!/usr/bin/env bash
# Puts the Markdown file $1 into the job's summary and, with GH_TOKEN, into one comment of pull request NUMBER, which
# later runs write anew. A token that may not write, as in a pull request from a fork, fails nothing.
set -uo pipefail
mark='<!-- vcalc -->'
if [ -s "$1" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$1" >> "$GITHUB_STEP_SUMMARY"
fi
if [ -z "${GH_TOKEN:-}" ] || [ -z "${NUMBER:-}" ]; then
  exit 0
fi
failed() {
  echo "::warning::vcalc: the comment could not be written; what changed is in the job's summary"
  exit 0
}
body="$(mktemp)" || failed
trap 'rm -f "$body"' EXIT
gh() { (cd / && command gh "$@"); } # it asks git where it stands, and here are a stranger's files
issue="repos/$GITHUB_REPOSITORY/issues"
me="$(gh api user --jq .login 2> /dev/null)" || me='github-actions[bot]'
own='.[] | select(.user.login == env.ME and (.body | startswith(env.MARK))) | .id'
ids="$(ME="$me" MARK="$mark" gh api --paginate "$issue/$NUMBER/comments" --jq "$own")" || failed
id="${ids%%$'\n'*}"
if [ -s "$1" ]; then # GitHub takes 65,536 characters
  { echo "$mark"; LC_ALL=C awk '(size += length + 1) > 60000 { print "\n(cut off here)"; exit } { print }' "$1"; } > "$body"
elif [ -n "$id" ]; then
  printf '%s\n' "$mark" 'No spec differs any more.' > "$body"
else
  exit 0
fi
if [ -n "$id" ]; then
  gh api --method PATCH "$issue/comments/$id" -F body=@"$body" > /dev/null || failed
else
  gh api "$issue/$NUMBER/comments" -F body=@"$body" > /dev/null || failed
fi
