"""Many writers, one signer, each a process of its own."""

import os
from contextlib import suppress

from django.db import connection, connections

from apps.chain.services.intents import submit
from apps.chain.testing.powers import anything
from apps.chain.tests.sending import NOBODY
from apps.chain.types import SignerRole
from apps.core import clock
from apps.core.db import unit_of_work

WRITERS, EACH = 16, 12


def write(writer: int) -> None:
    """Every third key is shared with a neighbour; every fourth business fact fails after it took its nonce."""
    for number in range(EACH):
        owner = f"pair {writer // 2}" if number % 3 == 0 else f"own {writer}"
        with anything(), suppress(ZeroDivisionError), unit_of_work():
            submit(
                signer=SignerRole.AGENT,
                to=NOBODY,
                data=b"",
                kind="race",
                business_key=f"race {owner} {number}",
                value=1,
                gas_limit=21_000,
                now=clock.now(),
            )
            if number % 4 == 1:
                raise ZeroDivisionError


def expected() -> int:
    """How many intents a race leaves."""
    kept = [number for number in range(EACH) if number % 4 != 1]
    shared = len([number for number in kept if number % 3 == 0])
    return WRITERS * (len(kept) - shared) + WRITERS // 2 * shared


def race() -> None:
    """All writers, each a process with its own connection, start from one barrier."""
    connections.close_all()
    ready_in, ready_out = os.pipe()
    go_in, go_out = os.pipe()
    writers = [_fork(writer, ready_out, (go_in, go_out)) for writer in range(WRITERS)]
    for _ in writers:
        assert os.read(ready_in, 1) == b"."
    os.close(go_in)
    os.close(go_out)  # the last writing end: every reader sees the end of the pipe
    for child in writers:
        assert os.waitpid(child, 0)[1] == 0


def _fork(writer: int, ready: int, go: tuple[int, int]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.close(go[1])
        connection.ensure_connection()
        os.write(ready, b".")
        os.read(go[0], 1)
        write(writer)
        os._exit(0)
    finally:
        os._exit(1)
