"""`python -m apps.core.devstack {start,stop,status,serve}`: what make and people type."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

import environ
from rich.console import Console

from apps.core.devstack import DevstackError, start, status, stop
from apps.core.devstack.layout import CHECKOUT, PROFILES, Home
from apps.core.devstack.plan import CHILDREN, project_plan
from apps.core.devstack.ports import free_port
from apps.core.devstack.supervisor import Supervisor

WEB_PORT = 8000
Command = Callable[[argparse.Namespace], None]

console = Console(highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 after printing one line that says what to do."""
    options = _parser().parse_args(arguments)
    if (CHECKOUT / ".env").exists():
        environ.Env.read_env(str(CHECKOUT / ".env"))  # variables already set win
    try:
        options.run(options)
    except DevstackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.core.devstack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one, some = tuple(PROFILES), (*PROFILES, "all")
    _add(commands, "start", _start, "dev", one)
    _add(commands, "stop", _stop, "all", some)
    _add(commands, "status", _status, "all", some)
    serve = _add(commands, "serve", _serve, "dev", one)
    serve.add_argument("--port", type=int, default=WEB_PORT, help="of the web server; 0 chooses a free one")
    serve.add_argument(
        "--without", action="append", default=[], metavar="NAME", help=f"leave out {', '.join(CHILDREN)} or an engine"
    )
    serve.add_argument("--engine", action="append", default=[], metavar="NAME", help="run only the engines named")
    serve.add_argument("--demo-data", action="store_true", help="make a security, investors and a trade, once")
    serve.add_argument("--fresh", action="store_true", help="forget the profile's data first")
    return parser


def _add(commands: Any, name: str, run: Command, default: str, choices: tuple[str, ...]) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=(run.__doc__ or "").rstrip("."))
    command.add_argument("--profile", default=default, choices=choices)
    command.set_defaults(run=run)
    return command


def _start(options: argparse.Namespace) -> None:
    """Start the servers of a profile."""
    _, started = start(options.profile)
    _status(options)
    console.print(f"started {', '.join(started)}" if started else "all were running")


def _stop(options: argparse.Namespace) -> None:
    """End everything of a profile, or of all."""
    stopped = {profile: names for profile, names in stop(options.profile).items() if names}
    for profile, names in stopped.items():
        console.print(f"{profile}: stopped {', '.join(names)}")
    if not stopped:
        console.print("nothing was running")


def _status(options: argparse.Namespace) -> None:
    """Print what runs."""
    for profile in PROFILES if options.profile == "all" else (options.profile,):
        for name, pid in status(profile).items():
            console.print(f"{profile:6} {name:9} {f'pid {pid}' if pid else 'not running'}")


def _serve(options: argparse.Namespace) -> None:
    """Run web, worker, beat and engines until ctrl-C."""
    os.environ.setdefault("DJANGO_DEBUG", "true")  # devstack is for development only
    home = Home.of(options.profile)
    port = options.port or free_port()
    plan = project_plan(home, port=port, without=options.without, engines=options.engine, demo_data=options.demo_data)
    Supervisor(home, plan, console.print, fresh=options.fresh).run()


if __name__ == "__main__":
    sys.exit(main())
