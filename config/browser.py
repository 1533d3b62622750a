"""What browsers are told: whose scripts run where, and who may call from elsewhere."""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

# Answers of the API are data: nothing in them runs, loads, is framed or sends a form.
NOTHING: dict[str, Any] = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
# Pages of our own files. Their libraries set styles on elements, and draw small images as data.
PAGE = NOTHING | {
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF, "data:"],
    "connect-src": [SELF],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": NOTHING}
# The more a page needs, by where it is: the officers' site runs Alpine, which evaluates its attributes.
CONTENT_SECURITY_POLICIES: dict[str, dict[str, Any]] = {
    "/admin/": PAGE | {"script-src": [SELF, UNSAFE_EVAL], "form-action": [SELF]},
    "/api/docs": PAGE,
    # Searches in a worker that it makes of its own text.
    "/api/redoc": PAGE | {"worker-src": ["blob:"]},
}
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "geolocation"),
        *("gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb"),
        "xr-spatial-tracking",
    )
)
CORS_URLS_REGEX = r"^/api/"
# Tokens travel in a header, so that no site can use a browser's cookies against us.
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type", "idempotency-key", "x-request-id")
CORS_EXPOSE_HEADERS = (
    *("X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining"),
    *("RateLimit-Reset", "Idempotency-Replayed"),
)
CORS_PREFLIGHT_MAX_AGE = 600
