"""Django's default cache: Redis or Valkey, and this process's memory while it does not answer.

A server that does not answer costs one call its 50 ms, then nothing for a second. What this process changed meanwhile
the server forgets before it is believed again. Cached results rely on none of this: see apps.core.cache.results.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django_redis.cache import RedisCache
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from apps.core.cache.outage import outage_of

Keys = Iterable[str]


class FallbackCache(RedisCache):
    """The operations Django's cache has; those that only Redis has are not offered."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._outage = outage_of(f"{server}-{self.key_prefix}")

    def answers(self) -> bool:
        """Whether the server itself answers now. For health checks: it asks, whatever is known."""
        try:
            return bool(self.client.get_client(write=True).ping())
        except RedisError:
            return False

    def get(self, key: str, default: Any = None, version: int | None = None, client: Any = None) -> Any:
        return self._do("get", (), key, default=default, version=version)

    def get_many(self, keys: Keys, version: int | None = None) -> Any:
        return self._do("get_many", (), list(keys), version=version)

    def has_key(self, key: str, version: int | None = None) -> Any:
        return self._do("has_key", (), key, version=version)

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> Any:
        return self._do("set", [key], key, value, timeout=timeout, version=version)

    def add(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> Any:
        return self._do("add", [key], key, value, timeout=timeout, version=version)

    def touch(self, key: str, timeout: Any = 300, version: int | None = None) -> Any:
        return self._do("touch", [key], key, timeout=timeout, version=version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> Any:
        return self._do("incr", [key], key, delta=delta, version=version)

    def set_many(self, data: dict[str, Any], timeout: Any = 300, version: int | None = None) -> Any:
        self._do("set_many", list(data), data, timeout=timeout, version=version)
        return []

    def delete(self, key: str, version: int | None = None) -> Any:
        return bool(self._do("delete", [key], key, version=version))

    def delete_many(self, keys: Keys, version: int | None = None) -> Any:
        found = list(keys)
        return self._do("delete_many", found, found, version=version)

    def delete_pattern(self, pattern: str, **options: Any) -> Any:
        """Refused: a pattern cannot be deleted from the memory of other processes. Use apps.core.cache.invalidate()."""
        raise NotImplementedError("use apps.core.cache.invalidate()")

    def clear(self) -> Any:
        """Refused: the server is shared with the tasks' broker."""
        raise NotImplementedError("the server is not the cache's alone")

    def _do(self, name: str, changes: Keys, *args: Any, version: int | None = None, **options: Any) -> Any:
        """Ask the server, else memory. `changes` are the keys that will differ from the server's."""
        if self._outage.may_ask():
            try:
                if self._outage.lost:
                    self._forget_changes()
                answer = getattr(self.client, name)(*args, version=version, **options)
            except ConnectionInterrupted as error:
                self._outage.lose(error.__cause__)
            else:
                if self._outage.lost:
                    self._outage.come_back()
                return answer
        self._outage.note(self.make_key(key, version=version) for key in changes)
        act: Callable[..., Any] = getattr(self._outage.memory, name)
        return act(*args, version=version, **options)

    def _forget_changes(self) -> None:
        """Raises ConnectionInterrupted, and then remembers what is still to be forgotten."""
        changed, everything = self._outage.changed()
        try:
            if everything:
                self.client.delete_pattern("*", itersize=1_000)
            elif changed:
                server = self.client.get_client(write=True)
                server.unlink(*changed)
        except (ConnectionInterrupted, RedisError) as error:
            self._outage.note(changed)
            if everything:
                self._outage.doubt_everything()
            raise ConnectionInterrupted(connection=None) from error
