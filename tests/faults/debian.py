"""Debian's own programs for a soak test, unpacked below `.local` without being root; nothing is installed."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".local" / "debian"


def unpacked(name: str, packages: Iterable[str], proof: str) -> Path:
    """The folder with these packages' files, fetched once. Skips the test where there is no Debian to ask.

    `proof` is a path below it that shows that all is there.
    """
    folder = HOME / name
    HOME.mkdir(parents=True, exist_ok=True)
    with FileLock(HOME / f"{name}.lock"):
        if not (folder / proof).exists():
            _fetch(folder, packages)
    if not (folder / proof).exists():
        pytest.skip(f"{name}: its packages hold no {proof}")
    return folder


def _fetch(folder: Path, packages: Iterable[str]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip(f"{folder.name} is not installed, and there is no apt-get to fetch it with")
    parcels, fresh = HOME / f"{folder.name}-parcels", HOME / f"{folder.name}-new"
    for old in (parcels, fresh):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir()
    got = subprocess.run(
        ["apt-get", "download", *packages], cwd=parcels, capture_output=True, text=True, timeout=300, check=False
    )
    if got.returncode:
        pytest.skip(f"{folder.name} could not be fetched: {got.stderr.strip().splitlines()[-1:]}")
    for parcel in sorted(parcels.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(parcel), str(fresh)], check=True, capture_output=True)
    shutil.rmtree(parcels)
    _open_to_all(fresh)
    fresh.rename(folder)


def _open_to_all(folder: Path) -> None:
    """Some of it runs as `nobody`."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def libraries(folder: Path) -> dict[str, str]:
    """The environment that finds the unpacked shared libraries."""
    return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(folder / "usr/lib/x86_64-linux-gnu"), "LANG": "C.UTF-8"}
