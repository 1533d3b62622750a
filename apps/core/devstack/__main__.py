"""`python -m apps.core.devstack {start,stop,status,serve}`: what make and people type."""

import argparse
import sys

from rich.console import Console

from apps.core.devstack import DevstackError, start, status, stop
from apps.core.devstack.layout import PROFILES

console = Console(highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 after printing one line that says what to do."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except DevstackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.core.devstack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, default, choices in (
        ("start", _start, "dev", tuple(PROFILES)),
        ("stop", _stop, "all", (*PROFILES, "all")),
        ("status", _status, "all", (*PROFILES, "all")),
    ):
        command = commands.add_parser(name, help=(run.__doc__ or "").rstrip("."))
        command.add_argument("--profile", default=default, choices=choices)
        command.set_defaults(run=run)
    return parser


def _start(options: argparse.Namespace) -> None:
    """Start the servers of a profile and print their addresses without passwords."""
    _, started = start(options.profile)
    _status(options)
    console.print(f"started {', '.join(started)}" if started else "all were running")


def _stop(options: argparse.Namespace) -> None:
    """End the servers of a profile, or of all."""
    for profile, names in stop(options.profile).items():
        console.print(f"{profile}: stopped {', '.join(names)}" if names else f"{profile}: nothing was running")


def _status(options: argparse.Namespace) -> None:
    """Print what runs."""
    for profile in PROFILES if options.profile == "all" else (options.profile,):
        for name, pid in status(profile).items():
            console.print(f"{profile:6} {name:9} {f'pid {pid}' if pid else 'not running'}")


if __name__ == "__main__":
    sys.exit(main())
