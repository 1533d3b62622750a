"""What some libraries change of the process when they are imported, changed back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """For an import of eth_account or eth_keyfile: a curve they bring (py_ecc) lets Python recurse 100,000 deep.

    There deep JSON, of a node say, ends the process instead of raising RecursionError.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
