"""What every answer tells the browser."""

from collections.abc import Callable

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """The policy of the place that answers, CONTENT_SECURITY_POLICIES; nothing may run or load elsewhere."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """A view's own policy, or its place's."""
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and parts.config is None:
            parts.config = _policy_at(request.path_info)
        return parts


def _policy_at(path: str) -> dict[str, object] | None:
    """Places that end with a slash are folders; None for what has none."""
    for place, policy in settings.CONTENT_SECURITY_POLICIES.items():
        if path.startswith(place) if place.endswith("/") else path.rstrip("/") == place:
            found: dict[str, object] = policy
            return found
    return None


class BrowserHeadersMiddleware:
    """Permissions-Policy, and no use by other sites' pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
