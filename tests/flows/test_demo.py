"""The demo can fail: with the matcher left out it must say so, step and exit code."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / ".local" / "demo" / "report.json"
# The demo starts servers of its own: addresses of the test servers must not reach it.
SERVERS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CHAIN_RPC_URL", "BOOKENTRY_PROFILE"}


class TestTheDemo:
    @pytest.mark.soak  # a minute; CI runs the demo itself
    def test_fails_without_a_matcher_and_names_the_step(self) -> None:
        REPORT.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in SERVERS}
        command = [sys.executable, "-m", "demo", "--without", "matcher"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode != 0, done.stdout
        steps = json.loads(REPORT.read_text())["steps"]
        assert [step["ok"] for step in steps] == [True] * (len(steps) - 1) + [False]
        assert steps[-1]["name"] == "refuse an overdraft"

    def test_imports_nothing_of_the_product(self) -> None:
        for file in (ROOT / "demo").glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert not [name for name in names if name.split(".")[0] in {"apps", "config"}], file
