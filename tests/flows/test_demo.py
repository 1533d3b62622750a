"""The demo finds what it plants; and it can fail: with the matcher left out it must say so, step and exit code."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / ".local" / "demo" / "report.json"
# The demo starts servers of its own: addresses of the test servers must not reach it.
SERVERS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CHAIN_RPC_URL", "BOOKENTRY_PROFILE"}


class TestTheDemo:
    @pytest.mark.soak  # two minutes; CI runs the demo itself
    def test_finds_three_faults_mends_them_and_proves_a_position(self) -> None:
        exit_code, steps = tell()
        assert exit_code == 0, steps[-1]
        told = {step["name"]: step for step in steps}
        forced, frozen = told["plant three faults past the platform"]["tx"]
        found = {each["kind"]: each for each in told["reconcile: three breaks, named"]["breaks"]}
        assert {kind: amounts(each) for kind, each in found.items()} == {
            "AMOUNT": ("1325", "375", ""),
            "FROZEN_STATE": ("0", "100", frozen),
            "UNAUTHORISED_ACTION": ("0", "50", forced),
        }
        left = {each["kind"]: amounts(each) for each in told["resolve one, with four eyes"]["breaks"]}
        assert left == {"AMOUNT": ("1375", "375", ""), "FROZEN_STATE": ("0", "100", frozen)}
        mended = told["undo the other two: clean again"]["evidence"]
        assert "the breaks: AMOUNT CLEARED, FROZEN_STATE CLEARED, UNAUTHORISED_ACTION RESOLVED" in mended
        proven = told["prove a position to its holder"]["evidence"]
        assert proven[0].startswith("attested: 2 positions of 1000 in all, ")
        assert proven[1] == "PROVEN: Alice holds 625 of DE000AUR0RA7"
        refused = "925 instead of 625 in the file: REFUSED: the balance in the token's storage is another one"
        assert refused in proven

    @pytest.mark.soak  # a minute; CI runs the demo itself
    def test_fails_without_a_matcher_and_names_the_step(self) -> None:
        exit_code, steps = tell("--without", "matcher")
        assert exit_code != 0
        assert [step["ok"] for step in steps] == [True] * (len(steps) - 1) + [False]
        assert steps[-1]["name"] == "refuse an overdraft"

    def test_imports_nothing_of_the_product(self) -> None:
        for file in (ROOT / "demo").glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert not [name for name in names if name.split(".")[0] in {"apps", "config"}], file


def tell(*options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the demo; its exit code, and the steps it wrote down."""
    REPORT.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS}
    command = [sys.executable, "-m", "demo", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert REPORT.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(REPORT.read_text())["steps"]


def amounts(found: dict[str, Any]) -> tuple[str, str, str]:
    """What a break says: books, chain, transaction."""
    return found["expected"], found["actual"], found["tx_hash"]
