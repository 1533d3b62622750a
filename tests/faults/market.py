"""Run in a process of its own, on the servers its environment names: a market, and a token for each of its traders."""

import json
import sys

import django


def main(traders: int) -> None:
    """Print the market's security and the tokens."""
    django.setup()
    from apps.accounts.services.tokens import mint_access_token  # noqa: PLC0415 (needs Django set up)
    from apps.core import clock  # noqa: PLC0415
    from apps.dex.testing import Market  # noqa: PLC0415

    market = Market()
    users = [market.trader(units=1_000_000, cash=1_000_000).user.pk for _ in range(traders)]
    tokens = [mint_access_token(user_id=user, now=clock.now()).access for user in users]
    print(json.dumps({"isin": market.isin, "tokens": tokens}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
