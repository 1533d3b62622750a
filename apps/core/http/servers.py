"""What WSGI and ASGI servers call. Django reads Content-Type where no middleware could catch what that raises."""

from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters


class _Request(HttpRequest):
    malformed_content_type = False

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Read it, noting what cannot be read: `charset*=x''%41`, say.

        Django would decode the query string here and now by the charset named: one that does not decode, or a
        thousand parameters, would be a 500 of the server. Ours is UTF-8 always.
        """
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}
            self.malformed_content_type = True


class _WSGIRequest(_Request, WSGIRequest):
    pass


class _ASGIRequest(_Request, ASGIRequest):
    pass


class WSGIApplication(WSGIHandler):
    """Django's, but for requests that it cannot read."""

    request_class = _WSGIRequest


class ASGIApplication(ASGIHandler):
    """Django's, but for requests that it cannot read."""

    request_class = _ASGIRequest
