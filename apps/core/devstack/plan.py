"""What `serve` runs: commands that set up, then processes that stay. The one place that lists them."""

import sys
from collections.abc import Collection
from dataclasses import dataclass

from apps.core.devstack.layout import CHECKOUT, Home

SETUP_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("migrate", "--verbosity=1"),
    ("deploy_contracts",),
    ("bootstrap_demo",),
)
# In a process of its own: beside others it would wait for the interpreter after each of its statements.
MATCHER = "matcher"
NICE = 5
CHILDREN = ("web", "worker", "beat", MATCHER, "engines")


@dataclass(frozen=True)
class Child:
    """A process that is started again when it ends.

    With a `port` it serves HTTP on loopback, and is ready once `path` is answered with 200.
    """

    name: str
    argv: tuple[str, ...]
    port: int | None = None
    path: str = "/"


@dataclass(frozen=True)
class Plan:
    """Set-up commands, run in order and once; the children; and what is run once when all of them answer."""

    setup: tuple[tuple[str, ...], ...]
    children: tuple[Child, ...]
    afterwards: tuple[str, ...] = ()


def project_plan(
    home: Home, *, port: int, without: Collection[str] = (), engines: Collection[str] = (), demo_data: bool = False
) -> Plan:
    """Return the project's own plan.

    `without` leaves out children or, by their names, engines; `engines` names the only ones to run. With `demo_data`
    a security and its investors are made once everything answers.
    """
    children = (
        Child("web", _web(port), port, "/api/health"),
        Child("worker", _python("celery", "-A", "config", "worker", "-c", "2", "-l", "INFO", "--without-mingle")),
        Child("beat", _python("celery", "-A", "config", "beat", "-l", "INFO", "--pidfile=", *_schedule(home))),
        *_engines(engines, without),
    )
    kept = tuple(child for child in children if child.name not in without)
    seed = _python("demo.seed", "--profile", home.profile.name) if demo_data else ()
    return Plan(tuple(_manage(*command) for command in SETUP_COMMANDS), kept, seed)


def _engines(named: Collection[str], without: Collection[str]) -> tuple[Child, ...]:
    """The matcher, and the other engines together; of those named, if any are."""
    others = tuple(name for name in named if name != MATCHER)
    left_out = tuple(f"--without={name}" for name in without if name not in CHILDREN)
    if not named:
        left_out = (f"--without={MATCHER}", *left_out)
    # Somebody waits for the matcher; what follows a trade may wait for both.
    found = {MATCHER: (MATCHER,), "engines": (*others, *left_out, f"--nice={NICE}")}
    wanted = {MATCHER: not named or MATCHER in named, "engines": not named or others}
    return tuple(Child(name, _manage("run_engines", *words)) for name, words in found.items() if wanted[name])


def _web(port: int) -> tuple[str, ...]:
    return _python("config.server", "--host", "127.0.0.1", "--port", str(port))


def _schedule(home: Home) -> tuple[str, str]:
    return "--schedule", str(home.folder / "celerybeat-schedule")


def _manage(*words: str) -> tuple[str, ...]:
    return (sys.executable, str(CHECKOUT / "manage.py"), *words)


def _python(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *words)
