"""What the scripts print: one line a step with its seconds, and on failure one line that says what to do."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class StepFailed(Exception):
    """A step did not work; the message is one line saying what to do."""


def say(text: str, end: str = "\n") -> None:
    """Print at once, also into a pipe."""
    print(text, end=end, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the name, a dot every other second, and the seconds at the end."""
    began = time.monotonic()
    done = threading.Event()
    say(f"{name} ", end="")
    dots = threading.Thread(target=_print_dots, args=(done,), daemon=True)
    dots.start()
    try:
        yield
    except BaseException:
        done.set()
        dots.join()
        say(f" failed after {time.monotonic() - began:.1f} s")
        raise
    done.set()
    dots.join()
    say(f" {time.monotonic() - began:.1f} s")


def _print_dots(done: threading.Event) -> None:
    while not done.wait(2):
        say(".", end="")


def run(argv: Sequence[object], *, log: Path, advice: str, cwd: Path, env: "dict[str, str] | None" = None) -> None:
    """Run a command quietly, keeping what it prints in the log.

    Raises StepFailed with the advice, after printing the tail of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        words = [str(word) for word in argv]
        try:
            code = subprocess.run(
                words, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env
            ).returncode
        except OSError as error:
            output.write(f"{words[0]}: {error.strerror}\n")
            code = 1
    if code:
        raise StepFailed(f"{advice} (see {_short(log)}){tail(log)}")


def tail(log: Path, lines: int = 6) -> str:
    """Return the last lines of the log, each indented on a line of its own."""
    text = log.read_text(errors="replace").splitlines()
    return "".join(f"\n    | {line[:200]}" for line in [line for line in text if line.strip()][-lines:])


def _short(log: Path) -> str:
    try:
        return str(log.relative_to(Path.cwd()))
    except ValueError:
        return str(log)


def fail(error: StepFailed) -> int:
    """Print the tail of the log first and the advice last, where it is seen; return the exit code."""
    advice, *details = str(error).split("\n")
    for line in details:
        print(line, file=sys.stderr)
    print(f"make: {advice}", file=sys.stderr)
    return 1
