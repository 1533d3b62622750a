"""End every server and process of this checkout: `python3 scripts/stop.py`."""

import subprocess
import sys

from console import StepFailed, fail
from setup import LOCAL, PYTHON, ROOT
from setup import main as set_up


def main() -> int:
    """Return 0 when nothing is left running. Sets up first only if there is something to end and no Python for it."""
    if not any(LOCAL.glob("*/pids/*.json")):
        print("nothing was running")
        return 0
    if not PYTHON.exists() and set_up():
        return 1
    ended = subprocess.run([PYTHON, "-m", "apps.core.devstack", "stop"], check=False, cwd=ROOT)
    return ended.returncode and fail(StepFailed("not everything could be ended: see above"))


if __name__ == "__main__":
    sys.exit(main())
