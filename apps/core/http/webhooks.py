"""The door for outside parties' calls."""

from io import BytesIO
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core import clock
from apps.core.http.client import client_address
from apps.core.http.idempotency import Idempotency
from apps.core.http.parsers import BodyTooLarge, StrictJSONParser
from apps.core.http.views import View
from apps.core.rate_limits import Bucket, key_of_address
from apps.core.webhooks import receive, record_refusal
from apps.core.webhooks.errors import BadSignature

MAX_BYTES = 256 * 1024
JSON = "application/json"


class WebhookTakenSerializer(serializers.Serializer):
    """The event is written down; a second time too, and then nothing more happens."""

    status = serializers.ChoiceField(choices=["accepted"])


class InboundWebhookView(View):
    """Events of outside parties. Genuine ones are never refused for their number: their sender proves itself."""

    public = True
    refuses = frozenset({401, 429})
    authentication_classes = []
    throttle = Bucket.UNLIMITED
    # The event's own id does what a key would, and some providers send one with all they send.
    idempotency = Idempotency.IGNORED
    _body = b""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the body, which can be read but once, before what may be run again."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self._body = _raw_body(request)

    @extend_schema(
        operation_id="receive_webhook",
        tags=["webhooks"],
        request=None,
        responses={202: WebhookTakenSerializer},
        auth=[],
    )
    def post(self, request: Request, provider: str) -> Response:
        """Take an event that a connected provider signed over the raw bytes of its JSON body."""
        body, now = self._body, clock.now()
        try:
            receive(provider=provider, headers=request.headers, body=body, parse=_parse, now=now)
        except BadSignature as refusal:
            # Whoever only tries is a stranger, and writes no more rows than one may ask.
            self.spend(Bucket.ANONYMOUS, key_of_address(client_address(request)))
            record_refusal(provider=provider, refusal=refusal, now=now)
            raise
        return Response(WebhookTakenSerializer({"status": "accepted"}).data, status=202)


def _raw_body(request: Request) -> bytes:
    """The bytes as they were sent. Raises UnsupportedMediaType and BodyTooLarge."""
    sent_as = str(request.content_type).partition(";")[0].strip().lower()
    if sent_as != JSON or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType(sent_as)
    body: bytes = request.stream.read(MAX_BYTES + 1) if request.stream else b""
    if len(body) > MAX_BYTES:
        raise BodyTooLarge
    return body


def _parse(body: bytes) -> dict[str, Any]:
    return StrictJSONParser().parse(BytesIO(body))
