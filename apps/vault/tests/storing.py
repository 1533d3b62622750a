"""A process that stores a document slowly, for a test to kill: `python -m apps.vault.tests.storing <subject>`."""

import io
import sys
import time
from uuid import UUID

import django

from apps.core import clock


class Slow(io.RawIOBase):
    """Gives 64 KiB a tenth of a second, without end, and says so."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        sys.stdout.write("more\n")
        sys.stdout.flush()
        time.sleep(0.02)
        return bytes(size)


if __name__ == "__main__":
    django.setup()
    from apps.vault.services.documents import store_document

    terms = {"kind": "PASSPORT", "name": "x.pdf", "media_type": "application/pdf"}
    store_document(subject=UUID(sys.argv[1]), content=Slow(), now=clock.now(), **terms)  # type: ignore[arg-type]
