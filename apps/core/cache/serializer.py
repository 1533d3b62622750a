"""How values lie in the cache server: as JSON. Whoever can write there must not be able to run code here."""

import json
from typing import Any

from django_redis.serializers.base import BaseSerializer


class PlainSerializer(BaseSerializer):
    """Plain JSON, and nothing that would come back as something else."""

    def dumps(self, value: Any) -> bytes:
        """Raises TypeError or ValueError for what JSON does not hold."""
        return json.dumps(value, allow_nan=False).encode()

    def loads(self, value: bytes) -> Any:
        """The value, None for what is not ours to read: then it is made again."""
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
