"""A process of its own that reads through the cache, for tests: one command a line, one answer a line."""

import sys

import django

django.setup()

from apps.core import clock  # noqa: E402
from apps.core.cache import cache_key, get_or_set_cache, invalidate  # noqa: E402
from apps.core.db import fetch_all, run_sql, unit_of_work  # noqa: E402

KEY = cache_key("reader", "engine")


def answer(word: str, value: str) -> str:
    """`get` through the cache, or `put` a value into the database and make what is cached old."""
    if word == "put":
        with unit_of_work():
            run_sql("UPDATE core_enginestate SET last_error = %s WHERE name = 'reader'", [value])
            invalidate("reader:*", now=clock.now())
        return "done"
    return get_or_set_cache(
        KEY, lambda: str(fetch_all("SELECT last_error FROM core_enginestate WHERE name='reader'")[0][0])
    )


for line in sys.stdin:
    word, _, value = line.strip().partition(" ")
    print(answer(word, value), flush=True)
