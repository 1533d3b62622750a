#!/usr/bin/env bash
# Fuzz run of the settlement contract's invariants with forge. Exit 0: all hold, or "skipped: <reason>" where forge
# cannot run.
set -euo pipefail
CONTRACTS="$(cd "$(dirname "$0")" && pwd)"
export PATH="$(dirname "$CONTRACTS")/.venv/bin:$PATH"

skip() { echo "forge skipped: $1"; exit 0; }

FORGE="$(find "$CONTRACTS/node_modules/@foundry-rs" -path '*/forge-*/bin/forge' 2>/dev/null | head -n 1 || true)"
[ -n "$FORGE" ] && "$FORGE" --version >/dev/null 2>&1 || skip "forge is not available for this machine"
[ -d "$CONTRACTS/node_modules/solc" ] || skip 'contract packages are missing: run "npm ci --ignore-scripts" in contracts/'

cd "$CONTRACTS"
rm -rf cache/fuzz cache/invariant cache/test-failures # an old counterexample, replayed alone, proves nothing
"$FORGE" test "$@"
