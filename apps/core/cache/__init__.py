"""Cached results: what is the same for whoever asks, and plain JSON. The rules are in apps.core.cache.results."""

from apps.core.cache.keys import cache_key
from apps.core.cache.results import cache_result, get_or_set_cache, invalidate

__all__ = ["cache_key", "cache_result", "get_or_set_cache", "invalidate"]
