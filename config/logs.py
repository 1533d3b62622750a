"""LOGGING: one line a record to the console, and to rotating files where LOG_DIR names a folder."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from config.variables import Variables

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 5
LOGGER = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*", re.ASCII)
# These would write by themselves, past our formatters.
SPEAKING_FOR_THEMSELVES = ("django", "django.server", "_granian", "granian.access", "celery", "py.warnings")

TELLING_KEYS = ("boto3", "botocore")

WRITTEN: dict[str, Any] = {"formatter": "lines", "filters": ["request_id"]}


def logging_config(env: Variables, apps: Collection[str], secrets: Collection[str]) -> dict[str, Any]:
    """LOGGING. `apps` get a logger each, `secrets` are withheld wherever they turn up."""
    level = env.choice("LOG_LEVEL", LEVELS, "INFO")
    handlers = {"console": {"class": "logging.StreamHandler", **WRITTEN}} | _files(env)
    formatter = "JsonFormatter" if env.production else "VerboseFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "apps.core.logging.RequestIdFilter"}},
        "formatters": {"lines": {"()": f"apps.core.logging.{formatter}", "secrets": sorted(secrets)}},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            **{name: {"handlers": [], "propagate": True} for name in SPEAKING_FOR_THEMSELVES},
            # httpx logs each URL at INFO, and a node's URL may carry its key.
            "httpx": {"level": "WARNING"},
            # boto3's libraries write answers of KMS, plain keys among them, at DEBUG.
            **{name: {"level": "WARNING"} for name in TELLING_KEYS},
            **{app: {"level": level} for app in ("apps", *apps)},
            **{name: {"level": asked, "propagate": True} for name, asked in _levels(env, apps).items()},
        },
    }


def _files(env: Variables) -> dict[str, Any]:
    """Two files that all processes of this machine share: everything, and errors."""
    folder = env.text("LOG_DIR")
    if not folder:
        return {}
    if not Path(folder).is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        env.wrong("LOG_DIR", "a folder that this process may write to")
        return {}
    shared = {
        # Locks around each line and each rotation, so that no process loses or tears another's.
        "class": "concurrent_log_handler.ConcurrentRotatingFileHandler",
        "maxBytes": FILE_BYTES,
        "backupCount": FILES_KEPT,
        "encoding": "utf-8",
        "chmod": 0o640,
        **WRITTEN,
    }
    return {
        "file": {**shared, "filename": str(Path(folder) / "bookentry.log")},
        "errors": {**shared, "filename": str(Path(folder) / "errors.log"), "level": "ERROR"},
    }


def _levels(env: Variables, apps: Collection[str]) -> dict[str, str]:
    """LOG_LEVELS: logger=LEVEL, for one app (apps.dex=DEBUG) or any library."""
    found = {}
    for word in env.words("LOG_LEVELS"):
        name, _, level = word.partition("=")
        unknown = name.startswith("apps.") and not any(f"{name}.".startswith(f"{app}.") for app in apps)
        if _tells_keys(name, level):
            env.wrong("LOG_LEVELS", f"no lower than WARNING for {name}: it would write keys")
            break
        if level not in LEVELS or unknown or not LOGGER.fullmatch(name):
            env.wrong("LOG_LEVELS", f"logger=LEVEL, as in apps.dex=DEBUG, with one of {', '.join(LEVELS)}")
            break
        found[name] = level
    return found


def _tells_keys(name: str, level: str) -> bool:
    return level in {"DEBUG", "INFO"} and name.partition(".")[0] in TELLING_KEYS
