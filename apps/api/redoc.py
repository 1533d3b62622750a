"""ReDoc's script, without the one picture that it would fetch from its maker."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

FILE = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
# Where the picture does not load, the script leaves it out.
ELSEWHERE, NOWHERE = "https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,"


@cache
def redoc_script() -> str:
    """The script. Raises FileNotFoundError where the package that carries it is not installed."""
    found = finders.find(FILE)
    if not isinstance(found, str):
        raise FileNotFoundError(FILE)
    return Path(found).read_text(encoding="utf-8").replace(ELSEWHERE, NOWHERE)
