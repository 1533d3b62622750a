#!/bin/sh
# Static analysis of src/ with slither. Exit 0: clean, or "skipped: <reason>" where slither cannot be installed.
set -eu
VERSION=0.11.6
CONTRACTS="$(cd "$(dirname "$0")" && pwd)"
ROOT="$(dirname "$CONTRACTS")"
VENV="$ROOT/.local/slither"
export PATH="$ROOT/.venv/bin:$PATH"

skip() { echo "slither skipped: $1"; exit 0; }

if [ ! -d "$CONTRACTS/node_modules/solc" ]; then
  echo 'contract packages are missing: run "npm ci --ignore-scripts" in contracts/' >&2
  exit 1
fi
FORGE="$(find "$CONTRACTS/node_modules/@foundry-rs" -path '*/forge-*/bin/forge' 2>/dev/null | head -n 1 || true)"
if [ -z "$FORGE" ] || ! "$FORGE" --version >/dev/null 2>&1; then skip "forge is not available for this machine"; fi

if [ "$("$VENV/bin/slither" --version 2>/dev/null || true)" != "$VERSION" ]; then
  python3 -m venv "$VENV" >/dev/null 2>&1 || skip "python3 cannot create a virtual environment"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "slither-analyzer==$VERSION" >/dev/null 2>&1 \
    || skip "slither-analyzer $VERSION could not be installed"
fi

cd "$CONTRACTS"
PATH="$(dirname "$FORGE"):$VENV/bin:$PATH"
export FOUNDRY_OUT=out/slither FOUNDRY_CACHE_PATH=cache/slither
"$VENV/bin/slither" . --filter-paths 'node_modules|fuzz/|test/' --fail-pedantic --disable-color
