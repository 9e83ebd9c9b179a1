#!/usr/bin/env bash
# Prints, as Markdown, what changed in every spec at VCALC_PATHS (one a line) since this work left the revision
# VCALC_BASE. Names and specs are a stranger's: they come out as text, never as Markdown or as a command.
set -euo pipefail
export GIT_TERMINAL_PROMPT=0 GIT_NO_REPLACE_OBJECTS=1
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<< "${VCALC_PATHS:-specs}"

# Only the repository that this folder is in: files that look like another one may be a stranger's.
git() { command git -c safe.bareRepository=explicit -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"; }
commit() { git rev-parse --verify --quiet --end-of-options "$1^{commit}"; }

folder="$PWD"
until [ -e "$folder/.git" ] || [ -L "$folder/.git" ] || [ -n "${GIT_DIR:-}" ]; do # a git before 2.38 asks any
  if { [ -e "$folder/HEAD" ] || [ -L "$folder/HEAD" ]; } && { [ -e "$folder/objects" ] || [ -e "$folder/commondir" ]; } ||
    [ -z "$folder" ]; then
    echo "::warning::vcalc: this folder is in no git repository that is trusted, nothing is compared" >&2
    exit 0
  fi
  folder="${folder%/*}"
done

if ! base="$(commit "$VCALC_BASE")"; then # a shallow clone has not fetched it
  case "$VCALC_BASE" in
    '' | *:* | +*) ;; # would fetch something else, or write a branch
    *) git fetch --quiet --no-tags --no-recurse-submodules --depth=1 -- origin "$VCALC_BASE" >&2 || true ;;
  esac
  if ! base="$(commit FETCH_HEAD)"; then
    echo "::warning::vcalc: the base revision is not here (actions/checkout: fetch-depth: 0), nothing is compared" >&2
    exit 0
  fi
fi
base="$(git merge-base "$base" HEAD || printf '%s' "$base")" # the whole number: no branch can be called so

models() {
  vcalc check --format json -- "$1" | python -I -c '
import json, os, sys
for file in json.load(sys.stdin.buffer)["files"]:
    for model in file["models"]:
        sys.stdout.buffer.write(os.fsencode(model) + b"\0")'
}

listed=(--relative --name-only --diff-filter=ACMR --ignore-submodules=all --no-ext-diff --no-textconv -z)
git --literal-pathspecs diff "${listed[@]}" "$base" -- "${paths[@]}" |
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
