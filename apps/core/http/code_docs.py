"""docs/errors.md, made of the registry: nobody writes it, a test compares it."""

from apps.core.http.codes import FIELD_CODES, all_codes

ENVELOPE = """\
{
  "success": false,
  "timestamp": "2026-01-05T14:30:00.123456Z",
  "error": {
    "code": "invalid",
    "message": "Some fields are not valid.",
    "details": [{"field": "price", "code": "required", "message": "This field is required."}],
    "context": {}
  },
  "request_id": "0199c7a1-3b52-7c43-a9a4-4a3a7d2f5d11"
}"""
PROBLEM = """\
{
  "type": "https://books.example.com/api/docs/errors#invalid",
  "title": "Some fields are not valid.",
  "status": 400,
  "detail": "Some fields are not valid.",
  "instance": "/api/dex/orders",
  "code": "invalid",
  "errors": [{"field": "price", "code": "required", "message": "This field is required."}],
  "context": {},
  "request_id": "0199c7a1-3b52-7c43-a9a4-4a3a7d2f5d11"
}"""
HEAD = f"""\
# Errors

<!-- Made by `manage.py error_codes` from the code: edit there. -->

Every refusal has one shape, whatever refused it. A refused request has changed nothing.

```json
{ENVELOPE}
```

- `error.code` is stable: decide by it. `message` is for people and may change.
- `error.details` is a list: an entry for each field that is wrong (`rows.2.isin` is of the third row), or none.
- `error.context` holds facts of the occasion, such as the rules that refused an investor, or is empty.
- `request_id` is also in the `X-Request-ID` header. Send your own (1 to 64 letters, digits, `.`, `_`, `-`) and it is
  answered, logged, and written to the audit trail; the events and tasks that follow carry it on.

A client that prefers `application/problem+json` (RFC 9457) in its Accept header gets the same facts so:

```json
{PROBLEM}
```

Naming it beside `application/json` with the same quality is enough; successful answers stay JSON in their envelope.

## Codes
"""
FIELDS = """
## Codes of fields

What `details[].code` may say.

| Code | Meaning |
|---|---|
"""


def errors_page() -> str:
    """The whole page, in Markdown."""
    codes = "".join(
        f"\n### {each.code}\n\nStatus {each.status}. {each.meaning}\n\n{each.advice}\n" for each in all_codes().values()
    )
    return HEAD + codes + FIELDS + "".join(f"| `{code}` | {text} |\n" for code, text in sorted(FIELD_CODES.items()))
