#!/bin/sh
# Fuzz run of the settlement contract's invariants with forge. Exit 0: all hold, or "skipped: <reason>" where forge
# cannot run.
set -eu
CONTRACTS="$(cd "$(dirname "$0")" && pwd)"
export PATH="$(dirname "$CONTRACTS")/.venv/bin:$PATH"

skip() { echo "forge skipped: $1"; exit 0; }

if [ ! -d "$CONTRACTS/node_modules/solc" ]; then
  echo 'contract packages are missing: run "npm ci --ignore-scripts" in contracts/' >&2
  exit 1
fi
FORGE="$(find "$CONTRACTS/node_modules/@foundry-rs" -path '*/forge-*/bin/forge' 2>/dev/null | head -n 1 || true)"
if [ -z "$FORGE" ] || ! "$FORGE" --version >/dev/null 2>&1; then skip "forge is not available for this machine"; fi

cd "$CONTRACTS"
rm -rf cache/fuzz cache/invariant cache/test-failures # an old counterexample, replayed alone, proves nothing
"$FORGE" test "$@"
