"""RabbitMQ by a change of URL: the workers' own tests, every task and every kill, through it."""

import os
import subprocess
import sys

import pytest

from apps.core.devstack.layout import CHECKOUT
from tests.faults.rabbit import rabbit


@pytest.mark.soak
class TestRabbitMQ:
    def test_does_for_the_workers_what_valkey_does(self) -> None:
        with rabbit() as url:
            environment = {**os.environ, "TEST_BROKER_URL": url}
            environment.pop("PYTEST_CURRENT_TEST", None)
            command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/faults/test_workers.py"]
            done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        print("\n".join(line for line in done.stdout.splitlines() if "restart" in line))
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
