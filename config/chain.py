"""The nodes of the chain: CHAIN_RPC_URL first, then as many more as there are, in the order in which they are liked."""

from collections.abc import Callable

from config.variables import Variables

# A node is known by the name of its variable. Its URL may hold a key: it stands in no row, no log and no metric.
FIRST = "CHAIN_RPC_URL"
FURTHER = ("CHAIN_RPC_URL_2", "CHAIN_RPC_URL_3", "CHAIN_RPC_URL_4", "CHAIN_RPC_URL_5")
ENDPOINTS = (FIRST, *FURTHER)


def read_further(env: Variables, *, first: str, read_url: Callable[[str], str]) -> list[str]:
    """URLs of the further nodes in the order of FURTHER, empty where one is not set; `first` is that of the first.

    The same node twice is refused: it would vouch for itself.
    """
    urls = [read_url(name) if env.text(name) else "" for name in FURTHER]
    known = {first}
    for name, url in zip(FURTHER, urls, strict=True):
        if url and url in known:
            env.wrong(name, "the URL of another node than those before it")
        known.add(url)
    return urls
