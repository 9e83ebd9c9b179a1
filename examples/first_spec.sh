#!/usr/bin/env bash
# A first spec: its table, the working of one layer, and what half its width would save.
set -eu
spec="$(dirname "$0")/tiny.yaml"
vcalc table "$spec"
vcalc table "$spec" --explain --only stage1
vcalc table "$spec" --set width=8 --depth 1
vcalc claims "$spec"
