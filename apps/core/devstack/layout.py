"""Where a profile keeps its files, and how profiles differ."""

import os
from dataclasses import dataclass
from pathlib import Path

from apps.core.devstack.errors import DevstackError

CHECKOUT = Path(__file__).resolve().parents[3]
CHAIN_ID = 31337


@dataclass(frozen=True)
class Profile:
    """What distinguishes one set of servers from another.

    `durable` is False only where losing data costs nothing: it turns fsync and the append-only file off.
    `block_time` is in seconds; None mines a block for each transaction.
    """

    name: str
    durable: bool = True
    block_time: int | None = 1
    slots_in_an_epoch: int | None = 1


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("dev"),
        Profile("demo"),
        Profile("bench"),
        Profile("test", durable=False, block_time=None, slots_in_an_epoch=None),
    )
}


def profile_named(name: str) -> Profile:
    """Return the profile, or raise DevstackError naming those that exist."""
    try:
        return PROFILES[name]
    except KeyError:
        raise DevstackError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}") from None


@dataclass(frozen=True)
class Home:
    """The folder of one profile in one checkout: `<root>/<profile>`."""

    root: Path
    profile: Profile

    @classmethod
    def of(cls, profile: str, root: Path | None = None) -> "Home":
        return cls((root or CHECKOUT / ".local").absolute(), profile_named(profile))

    @property
    def folder(self) -> Path:
        return self.root / self.profile.name

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def pids(self) -> Path:
        return self.folder / "pids"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def processes(self) -> Path:
        return self.folder / "processes.json"

    @property
    def serving(self) -> Path:
        return self.pids / "serve.json"

    def service(self, name: str) -> Path:
        return self.folder / name

    def create(self) -> None:
        """Make the folders: others may pass through (`nobody` runs PostgreSQL for root) but not list them."""
        try:
            for folder in (self.root, self.folder, self.pids, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
                if folder.stat().st_uid == os.getuid():
                    folder.chmod(0o711)
            writable = os.access(self.folder, os.W_OK)
        except OSError as error:
            raise DevstackError(f"cannot write {self.folder}: {error.strerror}") from error
        if not writable:
            raise DevstackError(f"cannot write {self.folder}: it is another user's; remove it or become that user")
