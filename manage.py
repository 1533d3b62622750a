#!/usr/bin/env python3
"""Run a management command; in development, start the servers that no URL names."""

import os
import sys


def main() -> None:
    """Choose settings, provide development servers and hand over to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.databases import run_direct
    from config.environment import provide_development_servers, refusing_to_start

    # Engines and commands have sessions of their own, past any pooler.
    run_direct()
    provide_development_servers(sys.argv)

    from django.core.management import execute_from_command_line

    with refusing_to_start():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
