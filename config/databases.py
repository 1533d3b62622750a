"""The database's connections: which role, by which way, and for how long a statement may wait.

`default` is the application's role. Web and tasks reach it by DATABASE_URL, which may be PgBouncer in transaction
mode; processes started by manage.py (engines, commands) by DATABASE_DIRECT_URL. `direct` is that second way, for
what needs a session of its own anywhere: LISTEN and session locks. `owner` migrates.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import environ

# A machine that is gone is noticed within half a minute by either side: its session holds its engines' locks till then.
CLIENT: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "bookentry",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
KEEPALIVES = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
# Nobody waits for ever for a lock, or holds one while idle; a request or a task ends a statement after half a minute.
BOUNDS = KEEPALIVES | {
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
    "statement_timeout": "30s",
}
# Set by the client as the session begins, so a pooler between refuses or drops it: apps.core.db.locks asks for it.
SESSION_MARK = "bookentry.session"
# An engine's recovery or a COPY takes the time it takes; so does a migration, whose locks nobody shall queue behind.
UNBOUND_STATEMENTS = {"statement_timeout": "0"}

_runs_direct = False


def databases(url: str, direct_url: str, owner_url: str) -> dict[str, dict[str, Any]]:
    """DATABASES, from the URLs for web and tasks (pooled if it is not the direct one), for sessions, for migrations."""
    session = BOUNDS | {SESSION_MARK: "own"}
    direct = database(direct_url, session | UNBOUND_STATEMENTS)
    owner = database(owner_url, KEEPALIVES | {"lock_timeout": BOUNDS["lock_timeout"]} | UNBOUND_STATEMENTS)
    if _runs_direct:
        default = deepcopy(direct)
    elif url == direct_url:
        default = database(direct_url, session)
    else:
        # Its bounds come from the role: see apps.core.db.privileges.
        default = database(url, {}) | {"DISABLE_SERVER_SIDE_CURSORS": True, "POOLED": True}
    return {"default": default, "direct": direct, "owner": owner}


def database(url: str, session: Mapping[str, str]) -> dict[str, Any]:
    """One connection to the one database; `session` are server settings given as it begins."""
    config: dict[str, Any] = environ.Env.db_url_config(url)
    config |= {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    # What the URL asks for (sslmode, say) stands.
    asked = config.get("OPTIONS", {})
    config["OPTIONS"] = CLIENT | asked
    words = [*(f"-c {name}={value}" for name, value in session.items()), *filter(None, [asked.get("options")])]
    if words:
        config["OPTIONS"]["options"] = " ".join(words)
    return config


def run_direct() -> None:
    """Have this process reach the database past any pooler: manage.py calls it before settings are read."""
    global _runs_direct  # noqa: PLW0603 (a fact about the process)
    _runs_direct = True
