"""Authentication: passwords, tokens, sessions, codes, lockout."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from config.security.keys import Conflict, Key

ROOM = "accounts"


class StaffRole(StrEnum):
    """Roles of the platform's own people."""

    OPS = "OPS"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Passwords:
    """Lengths after NIST SP 800-63B-4, 3.1.1.2: no composition rules, no forced change."""

    min_length: Annotated[int, Key("fewest characters where the password is the only factor", 15, 64)]
    min_length_with_mfa: Annotated[int, Key("fewest characters where a second factor is asked for", 8, 64, ROOM)]

    def conflicts(self) -> Iterator[Conflict]:
        """With a second factor a password may be shorter, never longer."""
        if self.min_length_with_mfa > self.min_length:
            yield Conflict(
                "min_length_with_mfa", str(self.min_length_with_mfa), f"at most min_length ({self.min_length})"
            )


@dataclass(frozen=True, slots=True)
class SessionLifetimes:
    """How long a login lasts."""

    idle_seconds: Annotated[int, Key("seconds without a request after which the session ends", 60, 3_600, ROOM)]
    absolute_seconds: Annotated[int, Key("seconds after which it ends whatever happens", 300, 86_400, ROOM)]

    def conflicts(self) -> Iterator[Conflict]:
        """A session that is idle for longer than it may live would never end for idleness."""
        if self.idle_seconds > self.absolute_seconds:
            yield Conflict(
                "idle_seconds", str(self.idle_seconds), f"at most absolute_seconds ({self.absolute_seconds})"
            )


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of investors and issuers, and the shorter ones of staff."""

    users: SessionLifetimes
    staff: SessionLifetimes
    max_per_user: Annotated[int, Key("sessions one person may hold; the oldest ends", 1, 20, ROOM)]
    step_up_seconds: Annotated[int, Key("seconds for which a fresh login permits sensitive acts", 60, 900, ROOM)]

    def conflicts(self) -> Iterator[Conflict]:
        """Staff sessions are never the longer ones."""
        for name in ("idle_seconds", "absolute_seconds"):
            users, staff = getattr(self.users, name), getattr(self.staff, name)
            if staff > users:
                yield Conflict(f"staff.{name}", str(staff), f"at most that of users ({users})")


@dataclass(frozen=True, slots=True)
class Lockout:
    """Against guessing: by account, by network, by both (OWASP ASVS 6.3.1)."""

    failures: Annotated[int, Key("failed logins of one account before it waits", 3, 100, ROOM)]
    window_seconds: Annotated[int, Key("seconds within which they are counted", 60, 86_400, ROOM)]
    first_delay_seconds: Annotated[int, Key("seconds of the first wait; each further one doubles", 1, 3_600, ROOM)]
    longest_delay_seconds: Annotated[int, Key("seconds of the longest wait", 1, 86_400, ROOM)]

    def conflicts(self) -> Iterator[Conflict]:
        """Delays grow."""
        if self.first_delay_seconds > self.longest_delay_seconds:
            longest = f"at most longest_delay_seconds ({self.longest_delay_seconds})"
            yield Conflict("first_delay_seconds", str(self.first_delay_seconds), longest)


@dataclass(frozen=True, slots=True)
class Mfa:
    """Second factors."""

    required_roles: Annotated[tuple[StaffRole, ...], Key("roles that cannot act without one", 0, 2, ROOM)]
    code_seconds: Annotated[int, Key("seconds a code by SMS or email is good for", 60, 600, ROOM)]
    code_tries: Annotated[int, Key("tries a challenge allows", 1, 5, ROOM)]
    seconds_between_sends: Annotated[int, Key("seconds between two codes to one person", 30, 600, ROOM)]
    sends_an_hour: Annotated[int, Key("codes one person may ask for in an hour", 1, 10, ROOM)]


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who may come in, and for how long."""

    access_token_seconds: Annotated[int, Key("seconds an access token lives", 30, 300)]
    clock_leeway_seconds: Annotated[int, Key("seconds by which the clocks of two web hosts may differ", 0, 30)]
    wallet_challenge_seconds: Annotated[int, Key("seconds within which a wallet's message is signed", 60, 3_600)]
    passwords: Passwords
    sessions: Sessions
    lockout: Lockout
    mfa: Mfa
