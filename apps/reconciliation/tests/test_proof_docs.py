"""What docs/reconciliation-proofs.md shows is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "reconciliation-proofs.md").read_text()
EXAMPLES = re.findall(r"^```\n\$ python (.+)\n((?:.*\n)+?)```$", PAGE, re.MULTILINE)


class TestExamples:
    def test_are_there(self) -> None:
        assert len(EXAMPLES) == 3

    @pytest.mark.parametrize(("command", "said"), EXAMPLES)
    def test_say_what_the_verifier_says(self, command: str, said: str) -> None:
        done = subprocess.run(
            [sys.executable, *shlex.split(command)],
            cwd=ROOT,
            env={},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stdout + done.stderr == said
        assert done.returncode == (0 if said.startswith("PROVEN") else 3)
