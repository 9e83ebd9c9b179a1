#!/usr/bin/env bash
# Checks the specs at VCALC_PATHS (one a line) against VCALC_BUDGETS (one a line), with annotations for GitHub.
set -euo pipefail
arguments=()
while IFS= read -r budget; do
  [ -z "$budget" ] || arguments+=(--budget "$budget")
done <<< "${VCALC_BUDGETS:-}"
arguments+=(--)
while IFS= read -r path; do
  [ -z "$path" ] || arguments+=("$path")
done <<< "${VCALC_PATHS:-specs}"
exec vcalc check --format "${VCALC_FORMAT:-github}" "${arguments[@]}"
