"""Each request to the API is counted before anything is done for it.

Who shows a valid login is counted by user, in the bucket of what they do; everyone else, a bad token included, by
address. Health, readiness, metrics and providers' webhooks are not counted: a probe that is refused has a healthy
process killed, and a provider proves itself by a signature.
"""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.actor import Actor
from apps.core.http.client import client_address
from apps.core.rate_limits import Bucket, CountersDown, Taken, key_of_address, key_of_caller, take
from apps.core.rate_limits.errors import LoginsClosed, RateLimited

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Throttled(APIView):
    """A view whose every request is counted. `throttle` says as what; its reads are READS whatever it says."""

    throttle: ClassVar[Bucket] = Bucket.WRITES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse whoever asks too often, before anything is done. Raises RateLimited and LoginsClosed."""
        if self.throttle is not Bucket.UNLIMITED:
            self._admit(request)
        super().initial(request, *args, **kwargs)

    def spend(self, bucket: Bucket, key: str, tier: str = "") -> None:
        """Count one request of `key`, and answer the figures. Raises RateLimited and LoginsClosed."""
        try:
            self.headers.update(spend(bucket, key, tier))
        except RateLimited as refusal:
            self.headers.update(refusal.headers)
            raise

    def _admit(self, request: Request) -> None:
        bucket = Bucket.READS if request.method in SAFE else self.throttle
        address = key_of_address(client_address(request))
        # While a caller is refused neither the database nor Valkey is asked about them.
        caller = f"{bucket}/{key_of_caller(address, request.headers.get('Authorization', ''))}"
        _refused.repeat(caller)
        try:
            self._count(request, bucket, address)
        except RateLimited as refusal:
            _refused.remember(caller, refusal)
            raise

    def _count(self, request: Request, bucket: Bucket, address: str) -> None:
        if bucket is Bucket.LOGINS:
            return self.spend(bucket, address)
        try:
            actor = request.auth
        except APIException:
            self.spend(Bucket.ANONYMOUS, address)
            raise
        if isinstance(actor, Actor) and actor.user_id is not None:
            return self.spend(bucket, key_of_caller("user", str(actor.user_id)), actor.rate_tier)
        return self.spend(Bucket.ANONYMOUS, address)


def spend(bucket: Bucket, key: str, tier: str = "") -> Mapping[str, str]:
    """Count one request of `key` in `bucket`; the headers that tell the caller.

    Raises RateLimited beyond the limit. While nobody can count, all may pass but logins: LoginsClosed.
    """
    try:
        found = take(bucket, key, tier)
    except CountersDown as error:
        if bucket is Bucket.LOGINS:
            raise LoginsClosed from error
        return {}
    headers = headers_of(bucket, found)
    if not found.allowed:
        refusal = RateLimited()
        refusal.retry_after, refusal.headers = found.wait, headers
        raise refusal
    return headers


def headers_of(bucket: Bucket, found: Taken) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10, and the three of its drafts up to 07."""
    return {
        "RateLimit-Policy": f'"{bucket}";q={found.limit};w={found.window}',
        "RateLimit": f'"{bucket}";r={found.remaining};t={found.wait}',
        "RateLimit-Limit": str(found.limit),
        "RateLimit-Remaining": str(found.remaining),
        "RateLimit-Reset": str(found.wait),
    }


class Refusals:
    """Who was refused a moment ago: asked again at once, the answer is the same. It counts nothing."""

    SECONDS, MOST = 1.0, 10_000

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, RateLimited]] = {}

    def remember(self, caller: str, refusal: RateLimited) -> None:
        """Keep a refusal for a second: it never lasts less."""
        if len(self._until) >= self.MOST:
            self._until.clear()
        self._until[caller] = (time.monotonic() + self.SECONDS, refusal)

    def repeat(self, caller: str) -> None:
        """Raise the refusal of a moment ago, if there is one."""
        until, refusal = self._until.get(caller, (0.0, None))
        if refusal is None:
            return
        if time.monotonic() < until:
            again = RateLimited()
            again.retry_after, again.headers = refusal.retry_after, refusal.headers
            raise again
        self._until.pop(caller, None)

    def forget(self) -> None:
        """Remember nothing (tests)."""
        self._until.clear()


_refused = Refusals()
