"""Services of AWS: boto3 signs requests and reads answers; they travel by our own client, within its policy.

So breaker, deadline, TLS and counts are those of every outside service, and nothing is repeated behind our back.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import httpx
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from apps.core.providers.transport import REPEATABLE


def aws_client(service: str, http: httpx.Client, *, region: str, endpoint: str = "", **options: Any) -> Any:
    """boto3's client of one service, every call of which may be repeated; `endpoint` is empty for Amazon's own.

    `options` are those of botocore's Config. Calls raise CircuitOpen and httpx's transport errors beside botocore's.
    """
    config = Config(retries={"total_max_attempts": 1}, **options)
    session = boto3.session.Session(region_name=region)
    made = session.client(service, endpoint_url=endpoint or None, config=config)
    made.meta.events.register(f"before-send.{service}", _Carrier(http))
    return made


class _Carrier:
    """Carries signed requests: boto3 asks here before it would open a connection of its own."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """One request, and its answer."""
        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        answer = self._http.request(request.method, request.url, headers=headers, content=body, extensions=REPEATABLE)
        return AWSResponse(request.url, answer.status_code, dict(answer.headers), _Body(answer.content))


class _Body(BytesIO):
    """An answer's bytes as botocore reads them."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All at once."""
        yield self.read()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
