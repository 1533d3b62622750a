"""How often anyone may ask: RATE_LIMIT_* of the environment, each "<number>/<second|minute|hour|day>"."""

import os
import re

from limits import (
    RateLimitItem,
    RateLimitItemPerDay,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)

from config.variables import Variables

PREFIX = "RATE_LIMIT_"
# USER counts reads, cancels and writes that have no scope of their own, each apart.
DEFAULTS = {
    "USER": "100/min",
    "ANON": "20/min",
    "ISSUANCE": "60/min",
    "ORDERS": "60/min",
    "SWAPS": "60/min",
    "SETTLEMENT": "60/min",
    "UPLOADS": "60/min",
    "LOGINS": "10/min",
}
UNITS: dict[str, type[RateLimitItem]] = {
    **dict.fromkeys(("s", "sec", "second"), RateLimitItemPerSecond),
    **dict.fromkeys(("m", "min", "minute"), RateLimitItemPerMinute),
    **dict.fromkeys(("h", "hour"), RateLimitItemPerHour),
    **dict.fromkeys(("d", "day"), RateLimitItemPerDay),
}
RATE = re.compile(r"([1-9][0-9]{0,8})/([a-z]+)", re.ASCII)


def read_rates(env: Variables) -> dict[str, RateLimitItem]:
    """Each scope's rate. One that says no rate, or that nobody knows, is among the variables' problems."""
    unknown = {name for name in os.environ if name.startswith(PREFIX)} - {PREFIX + name for name in DEFAULTS}
    for name in sorted(unknown):
        env.problems.append(f"{name} is not known: the rate limits are {', '.join(PREFIX + name for name in DEFAULTS)}")
    return {name: _read(env, PREFIX + name, text) for name, text in DEFAULTS.items()}


def _read(env: Variables, name: str, default: str) -> RateLimitItem:
    found = RATE.fullmatch(env.text(name, default))
    if found and found[2] in UNITS:
        return UNITS[found[2]](int(found[1]))
    env.wrong(name, 'a rate such as "100/min": a number from 1 on per second, minute, hour or day')
    return RateLimitItemPerMinute(1)
