"""Results computed once and served for a while, by all processes, until something makes them wrong.

Rules for who caches:
- What is cached is the same for whoever asks. A key holds no actor, and what a function reads besides its arguments
  (a row's owner, a role) must not depend on one. Books, balances and decisions are read, never cached.
- The value is plain JSON, and what the first caller gets is what the others get.
- Whoever changes what a result was made from calls invalidate() in the same unit of work.

The generation of a result is in the database (CacheGeneration): read before the result is computed, kept with it, and
compared when it is served. So a change is seen by every process as soon as it is committed, a result computed
from older rows is never served after it, and neither an outage of the cache server nor a rollback brings one back. It
costs a read by primary key: cache what costs more than that.
"""

import inspect
import json
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from django.core.cache import cache
from django.db import DatabaseError, connection

from apps.core.cache import keys
from apps.core.db import unit_of_work
from apps.core.instruments import cache_reads
from apps.core.models import CacheGeneration

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_SECONDS = 300
LONGEST_SECONDS = 86_400
# One computes; the others look for its answer this long, then compute for themselves.
LOCK_SECONDS = 10
WAIT_SECONDS = 2.0
LOOK_SECONDS = 0.02


def get_or_set_cache(
    key: str, compute: Callable[[], R], *, timeout: int = DEFAULT_SECONDS, cache_none: bool = False
) -> R:
    """The result kept under `key` (see cache_key), else what `compute` returns, then kept for `timeout` seconds.

    None is kept only with `cache_none`; an exception never. Within a transaction nothing is served or kept: it may
    see, or have made, what others do not. Raises ValueError for what is no key or no time, TypeError for a result that
    is not plain JSON, and whatever `compute` raises.
    """
    keys.require_key(key)
    if not 0 < timeout <= LONGEST_SECONDS:
        raise ValueError(f"a result is kept for 1 to {LONGEST_SECONDS} seconds")
    tokens = None if connection.in_atomic_block else _tokens(key)
    if tokens is None:
        return _plain(compute())
    place, namespace = f"result:{keys.short(key)}", keys.namespace_of(key)
    kept = _kept(place, tokens)
    locked = kept is None and cache.add(f"{place}:lock", 1, timeout=LOCK_SECONDS)
    if kept is None and not locked:
        kept = _wait_for(place, tokens)
    cache_reads.labels(namespace, "miss" if kept is None else "hit").inc()
    if kept is not None:
        return kept[0]
    try:
        value = _plain(compute())
        if value is not None or cache_none:
            cache.set(place, {"tokens": tokens, "value": value}, timeout=timeout)
        return value
    finally:
        if locked:
            cache.delete(f"{place}:lock")


def cache_result(
    namespace: str, *, timeout: int = DEFAULT_SECONDS, cache_none: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache a function's results by its arguments, in the order of its parameters: see get_or_set_cache.

    `invalidate(cache_key(namespace, first))` makes old all results whose first argument is `first`. Raises TypeError
    for an argument that cannot be part of a key.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            key = keys.cache_key(namespace, *bound.arguments.values())
            return get_or_set_cache(key, lambda: function(*args, **kwargs), timeout=timeout, cache_none=cache_none)

        return cached

    return decorate


def invalidate(pattern: str, *, now: datetime) -> None:
    """Make old what is cached under a key and under all keys below it, for every process, with the present commit.

    `pattern` is a key, or a key and `:*`. Raises ValueError for any other.
    """
    path = keys.short(keys.prefix_of(pattern))
    with unit_of_work():
        CacheGeneration.objects.bulk_create(
            [CacheGeneration(path=path, token=uuid4(), changed_at=now)],
            update_conflicts=True,
            unique_fields=["path"],
            update_fields=["token", "changed_at"],
        )


def _tokens(key: str) -> list[str] | None:
    """The generations a result of this key belongs to; None if they cannot be known."""
    paths = keys.paths(key)
    try:
        found = dict(CacheGeneration.objects.filter(pk__in=paths).values_list("path", "token"))
    except DatabaseError:
        return None
    return [str(found.get(path, "")) for path in paths]


def _kept(place: str, tokens: list[str]) -> tuple[Any] | None:
    """What is kept there of this generation. Anything else found there is as good as nothing."""
    found = cache.get(place)
    if isinstance(found, dict) and found.get("tokens") == tokens and "value" in found:
        return (found["value"],)
    return None


def _wait_for(place: str, tokens: list[str]) -> tuple[Any] | None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
        if (kept := _kept(place, tokens)) is not None:
            return kept
    return None


def _plain(value: R) -> R:
    """The value as JSON gives it back, which is as it went in: no tuple, no date, no key that is not a string."""
    try:
        plain: R = json.loads(json.dumps(value, allow_nan=False))
    except ValueError as error:
        raise TypeError("a cached result is plain JSON") from error
    if plain != value:
        raise TypeError("a cached result is plain JSON: lists and not tuples, keys that are strings")
    return plain
