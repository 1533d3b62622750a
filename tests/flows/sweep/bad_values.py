"""Values to try on every field, as the JSON text a client would send."""

import gzip
import json
import zlib

HUGE = "1" + "0" * 400

# No JSON of ours, wherever it stands in a body.
NO_JSON = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "minus zero": "-0",
    "10,000 digits": "9" * 10_000,
    "lone high surrogate": '"\\ud800"',
    "lone low surrogate": '"a\\udc00"',
    "deep list": "[" * 900 + "]" * 900,
    "deep object": '{"a":' * 900 + "1" + "}" * 900,
}

# JSON, but for no field of ours, whatever the document says of it.
NEVER = {
    "1e400": "1e400",
    "minus 1e400": "-1e400",
    "minus zero, fraction": "-0.0",
    "10**400": HUGE,
    "NUL": '"\\u0000"',
    "NUL within": '"a\\u0000b"',
    "a fraction": "1.5",
    "an exponent": "1e3",
}

# Refused wherever the document excludes them.
SUSPECTS = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "one": "1",
    "minus one": "-1",
    "2**63": str(2**63),
    "empty": '""',
    "blank": '" \\t\\n"',
    "an empty list": "[]",
    "a list": '["a"]',
    "a list of lists": "[[]]",
    "an object": '{"a": 1}',
    "an empty object": "{}",
    **{
        name: json.dumps(text)
        for name, text in {
            "a word": "nonsense",
            "a number in quotes": "12",
            "underscored": "1_000",
            "full-width": "\uff11\uff12",
            "Arabic digits": "\u0661\u0662",
            "minus zero in quotes": "-0",
            "exponent in quotes": "1e5",
            "NaN in quotes": "NaN",
            "many digits": HUGE,
            "long": "x" * 5_000,
            "direction override": "\u202egnp.exe",
            "the nil UUID": "00000000-0000-0000-0000-000000000000",
        }.items()
    },
}

# More of them, for the long run.
MORE_SUSPECTS = {
    name: json.dumps(text)
    for name, text in {
        "hexadecimal": "0x10",
        "comma": "1,5",
        "plus": "+1",
        "minus one in quotes": "-1",
        "Infinity in quotes": "Infinity",
        "many decimals": "0." + "1" * 60,
        "null in quotes": "null",
        "SQL": "' OR 1=1 --",
        "a template": "{{7*7}}",
        "emoji": "\U0001f4b8",
        "an ISIN with a wrong check digit": "US0378331006",
        "an ISIN in lower case": "us0378331005",
        "the zero address": "0x" + "0" * 40,
        "year 0": "0000-01-01T00:00:00Z",
        "year 1": "0001-01-01T00:00:00Z",
        "year 1, east": "0001-01-01T00:00:00+14:00",
        "year 9999": "9999-12-31T23:59:59Z",
        "year 9999, west": "9999-12-31T23:59:59-14:00",
        "no such day": "2026-02-30",
        "year 9999, a day": "9999-12-31",
        "year 1, a day": "0001-01-01",
        "true in quotes": "true",
        "a path": "../../etc/passwd",
    }.items()
}

# Numbers to some parser or other, and not to us.
NOT_AMOUNTS = (
    "1_000",
    "1,000",
    "1 000",
    " 1",
    "1 ",
    "1\n",
    "\uff11",
    "\u0661",
    "\u0967",
    "\u00b2",
    "\u2460",
    "-0",
    "-1",
    "+1",
    "1e3",
    "1E3",
    "0x1",
    "0b1",
    "1.",
    ".5",
    "1.2.3",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "1e400",
    HUGE,
    "0." + "1" * 60,
    "1/2",
    "1j",
    "True",
    "",
)

# Whole bodies that are no object of ours.
BODIES = {
    "nothing": (b"", 400),
    "not JSON": (b"{", 400),
    "not UTF-8": (b"\xff\xfe{}", 400),
    "a list": (b"[]", 400),
    "a list of objects": (b"[{}]", 400),
    "a string": (b'"a"', 400),
    "a number": (b"1", 400),
    "null": (b"null", 400),
    "true": (b"true", 400),
    "NaN": (b"NaN", 400),
    "a key twice": (b'{"isin": "a", "isin": "b"}', 400),
    "100,000 lists deep": (b"[" * 100_000, 400),
    "100,000 objects deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "zipped": (zlib.compress(b"{}"), 400),
    "gzipped": (gzip.compress(b"{}"), 400),
    "unknown field": (b'{"is_staff": true}', 400),
    "three megabytes": (b'{"a": "' + b"a" * 3_000_000 + b'"}', 413),
}
MEDIA_TYPES = ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")

# For no parameter of a query.
TEXTS = {"NUL": "\x00", "NUL within": "a\x00b"}
# Base64 of positions nobody was given: too large, no id, a NUL, an offset beyond all rows. Any answer but a 5xx.
CURSORS = {
    "p=10**30": "cD0xMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
    "p=abc": "cD1hYmM=",
    "p=NUL": "cD0lMDA=",
    "o=10**9": "bz0xMDAwMDAwMDAw",
    "o=-1": "bz0tMQ==",
    "x=1": "eD0x",
}
# For no parameter of a path.
PATHS = ("%00", "a%00b", "-1", "..%2f..%2fetc", "%ff%fe", "%F0%9F%92%B8", "'%20OR%201=1", "x" * 3000, "%0a")
