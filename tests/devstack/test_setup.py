"""The set-up of a checkout: each part once, again when its inputs change, and never half."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

# The real script in an empty checkout with one small part, which counts how often it is made.
CHECKOUT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import setup
root = Path(sys.argv[2])
setup.ROOT, setup.LOCAL = root, root / ".local"
folder = root / "part"

def make():
    folder.mkdir(exist_ok=True)
    with (root / "made").open("a") as made:
        made.write("x")
    time.sleep(float(sys.argv[3]))
    if len(sys.argv) > 4:
        raise setup.StepFailed(sys.argv[4])

setup.PARTS = (setup.Part("a part", folder / ".complete", lambda: setup.digest(root / "input"), make),)
sys.exit(setup.main())
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "input").write_text("1")
    return tmp_path


def start(checkout: Path, seconds: float = 0, *failure: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", CHECKOUT, str(SCRIPTS), str(checkout), str(seconds), *failure]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def set_up(checkout: Path, *failure: str) -> tuple[int | None, str]:
    process = start(checkout, 0, *failure)
    complained = process.communicate(timeout=60)[1]
    return process.returncode, complained


def times_made(checkout: Path) -> int:
    return len((checkout / "made").read_text())


class TestAPart:
    def test_is_made_once_and_again_only_when_its_inputs_change(self, checkout: Path) -> None:
        assert set_up(checkout) == (0, "")
        assert set_up(checkout) == (0, "")
        assert times_made(checkout) == 1
        (checkout / "input").write_text("2")
        assert set_up(checkout) == (0, "")
        assert times_made(checkout) == 2

    def test_that_failed_is_told_in_one_line_and_made_again(self, checkout: Path) -> None:
        assert set_up(checkout, "could not download: check the network") == (
            1,
            "make: could not download: check the network\n",
        )
        assert set_up(checkout) == (0, "")
        assert times_made(checkout) == 2

    def test_that_was_killed_half_way_is_made_again(self, checkout: Path) -> None:
        process = start(checkout, 600)
        while not (checkout / "made").exists() or not times_made(checkout):
            assert process.poll() is None
        process.kill()
        process.communicate()
        assert set_up(checkout) == (0, "")
        assert times_made(checkout) == 2

    def test_is_made_once_by_two_that_start_together(self, checkout: Path) -> None:
        both = [start(checkout, 1), start(checkout, 1)]
        said = [process.communicate(timeout=60)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert times_made(checkout) == 1
        assert sum("waiting for another make" in text for text in said) == 1

    def test_in_a_folder_linked_from_elsewhere_is_left_alone(self, checkout: Path) -> None:
        (checkout / "elsewhere").mkdir()
        (checkout / "part").symlink_to(checkout / "elsewhere")
        assert set_up(checkout) == (0, "")
        assert not (checkout / "made").exists()


class TestAnEnvFile:
    def test_is_written_once_and_keeps_what_somebody_wrote(self, checkout: Path) -> None:
        set_up(checkout)
        assert "DJANGO_DEBUG=true" in (checkout / ".env").read_text()
        (checkout / ".env").write_text("DJANGO_DEBUG=false\n")
        set_up(checkout)
        assert (checkout / ".env").read_text() == "DJANGO_DEBUG=false\n"
