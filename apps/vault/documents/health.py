"""Whether documents can be stored and read."""

from apps.core.registry import Health
from apps.vault.documents.blobs import StoreUnavailable, documents


def store_health() -> Health:
    """The store answers. Without it everything but documents goes on."""
    try:
        documents().ask()
    except StoreUnavailable:
        return Health(ok=False, detail="the store of documents does not answer", required=False)
    return Health(ok=True, required=False)
