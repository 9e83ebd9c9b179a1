#!/usr/bin/env bash
# Prints, as Markdown, what changed in every spec at VCALC_PATHS (one a line) since the revision VCALC_BASE.
set -euo pipefail
paths=()
while IFS= read -r path; do
  [ -z "$path" ] || paths+=("$path")
done <<< "${VCALC_PATHS:-specs}"
git diff --name-only --diff-filter=ACMR -z "$VCALC_BASE" -- "${paths[@]}" | while IFS= read -r -d '' file; do
  case "$file" in
    *.yaml | *.yml) ;;
    *) continue ;;
  esac
  vcalc check --format json -- "$file" |
    python -c 'import json, sys; [print(m) for f in json.load(sys.stdin)["files"] for m in f["models"]]' |
    while IFS= read -r model; do
      printf '\n### `%s`, %s\n\n' "$file" "$model"
      vcalc diff "./$file:$model" --against "$VCALC_BASE" --format markdown 2>&1 || true
    done || true
done
