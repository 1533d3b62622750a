"""Other rooms' statements under the key that signs the heads of the audit trail."""

from dataclasses import dataclass

from apps.audit.heads import PREFIX, head_signer


@dataclass(frozen=True, slots=True)
class Signed:
    """An Ed25519 signature (64 bytes), the public key it is by (32 bytes), and that key's id."""

    signature: bytes
    public_key: bytes
    key_id: str


def sign_statement(*, domain: bytes, statement: bytes) -> Signed:
    """Sign `domain` and the statement behind it.

    The domain tells kinds of statements apart: it ends in a line feed, and is not that of heads, so that nobody can
    show a statement as a head. Raises ValueError for such a domain, SigningKeyUnavailable, and RuntimeError in a unit
    of work where the key is elsewhere.
    """
    if not domain.endswith(b"\n") or domain.count(b"\n") != 1 or domain == PREFIX:
        raise ValueError("a domain is one line of its own")
    signer = head_signer()
    return Signed(signer.sign_text(domain + statement), signer.public_key, signer.key_id)
