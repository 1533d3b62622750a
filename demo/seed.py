"""Demo data for `make serve`: the story up to the first settled trade, told once to a stack that is being served."""

import argparse
import json
import os
import sys
from pathlib import Path

from demo.api import Api, Refused
from demo.stack import LOGINS, ROOT, Stack
from demo.story import ISIN, Story


def main() -> int:
    """0 once the data is there."""
    parser = argparse.ArgumentParser(prog="python -m demo.seed", description=__doc__)
    parser.add_argument("--profile", default="dev")
    home = ROOT / ".local" / parser.parse_args().profile
    stack = Stack.of(home)
    if _is_seeded(stack):
        print("demo data: already there")
        return 0
    story = Story(stack)
    try:
        for act in (story.onboard, story.create_security, story.bring_cash, story.issue, story.trade):
            print(act()["said"], flush=True)
    except (Refused, TimeoutError, RuntimeError) as error:
        print(f"demo data is incomplete ({error}): `make clean` begins anew", file=sys.stderr)
        return 1
    _write_logins(home, stack, story)
    return 0


def _is_seeded(stack: Stack) -> bool:
    login = stack.logins["ops"]
    found = Api(stack.web, login["username"], login["password"]).get("/api/securities")["results"]
    return any(security["isin"] == ISIN for security in found)


def _write_logins(home: Path, stack: Stack, story: Story) -> None:
    """Keep everybody's login beside the officers', readable by their owner alone."""
    cast = story.cast
    roles = {"ISSUER": (cast.maker, cast.checker), "INVESTOR": tuple(i.api for i in cast.investors)}
    made = {api.login["username"]: {**api.login, "role": role} for role, apis in roles.items() for api in apis}
    file = home / LOGINS
    new = file.with_name(f"{LOGINS}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump({**stack.logins, **made}, out, indent=2)
    new.replace(file)


if __name__ == "__main__":
    sys.exit(main())
