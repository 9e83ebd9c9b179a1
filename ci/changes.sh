#!/usr/bin/env bash
# Prints, as Markdown, what changed in every spec at VCALC_PATHS (one a line) since this work left the revision
# VCALC_BASE. Names and specs are a stranger's: they come out as text, never as Markdown or as a command.
set -euo pipefail
export GIT_TERMINAL_PROMPT=0
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<< "${VCALC_PATHS:-specs}"

commit() { git rev-parse --verify --quiet --end-of-options "$1^{commit}"; }

if ! base="$(commit "$VCALC_BASE")"; then # a shallow clone has not fetched it
  case "$VCALC_BASE" in
    '' | *:* | +*) ;; # would fetch something else, or write a branch
    *) git fetch --quiet --no-tags --depth=1 -- origin "$VCALC_BASE" >&2 || true ;;
  esac
  if ! base="$(commit FETCH_HEAD)"; then
    echo "::warning::vcalc: the base revision is not here (actions/checkout: fetch-depth: 0), nothing is compared" >&2
    exit 0
  fi
fi
base="$(git rev-parse --short "$(git merge-base "$base" HEAD || printf '%s' "$base")")"

models() {
  vcalc check --format json -- "$1" | python -I -c '
import json, os, sys
for file in json.load(sys.stdin.buffer)["files"]:
    for model in file["models"]:
        sys.stdout.buffer.write(os.fsencode(model) + b"\0")'
}

git --literal-pathspecs diff --relative --name-only --diff-filter=ACMR -z "$base" -- "${paths[@]}" |
  while IFS= read -r -d '' file; do
    case "$file" in
      *.yaml | *.yml) ;;
      *) continue ;;
    esac
    (models "$file" || true) | while IFS= read -r -d '' model; do
      printf '\n### `%s`, %s\n\n' "${file//[[:cntrl:]\`]/?}" "${model//[^[:alnum:] ._+-]/?}"
      if text="$(vcalc diff "./$file:$model" --against "$base" --format markdown 2>&1)"; then
        printf '%s\n' "$text"
      else
        sed 's/^/    /' <<< "$text"
      fi
    done
  done
