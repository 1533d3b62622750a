"""Statements of other rooms, under the key of the heads."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from apps.audit.heads import PREFIX, HeadSigner
from apps.audit.services.signing import sign_statement


class TestSignStatement:
    def test_signs_the_domain_and_the_statement(self) -> None:
        signed = sign_statement(domain=b"example/1\n", statement=b"{}")
        signer = HeadSigner(settings.AUDIT_LOG.seed)
        assert (signed.public_key, signed.key_id) == (signer.public_key, signer.key_id)
        key = Ed25519PublicKey.from_public_bytes(signed.public_key)
        key.verify(signed.signature, b"example/1\n{}")
        with pytest.raises(InvalidSignature):
            key.verify(signed.signature, b"{}")

    @pytest.mark.parametrize("domain", [b"", b"example/1", b"two\nlines\n", PREFIX])
    def test_signs_nothing_that_could_be_shown_for_something_else(self, domain: bytes) -> None:
        with pytest.raises(ValueError, match="domain"):
            sign_statement(domain=domain, statement=b"{}")
