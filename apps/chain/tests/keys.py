"""Sources of keys as the environment would name them, and a KMS that this process believes to be its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.chain.types import SignerRole
from apps.core.models import ProviderCircuit
from apps.core.providers.factory import factory
from apps.core.registry import registry
from apps.vault.kms.choosing import KMS, build_kms
from apps.vault.tests.fake_kms import ACCESS_KEY, REGION, SECRET_KEY, FakeKms, fake_kms
from config.chain_signers import SignerSource, SourceKind
from config.security.secrets import Secret


def source(role: SignerRole, kind: SourceKind, **more: str) -> SignerSource:
    """As config.chain_signers reads it."""
    return SignerSource(kind, f"CHAIN_SIGNER_{role.value}_{kind.value}", **more)


@contextmanager
def signing_by(**sources: SignerSource) -> Iterator[None]:
    """The keys of these roles; the others sign with development's."""
    with override_settings(CHAIN_SIGNERS=sources):
        yield


@contextmanager
def kms_of_ours() -> Iterator[FakeKms]:
    """A KMS on loopback that this installation's settings name."""
    with pytest.MonkeyPatch.context() as patch, fake_kms() as kms:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        patch.setitem(registry.providers, KMS, build_kms)
        ProviderCircuit.objects.all().delete()
        with override_settings(**_naming(kms)):
            _forget_client()
            try:
                yield kms
            finally:
                _forget_client()


def _forget_client() -> None:
    """Of KMS alone: the test's nodes keep theirs."""
    if built := factory._built.pop(KMS, None):
        built[0].close()


def _naming(kms: FakeKms) -> dict[str, Any]:
    encryption = replace(settings.SECURITY.encryption, kms_key=Secret("AWS_KMS_KEY_ID", kms.key))
    service = replace(settings.KEY_SERVICE, region=REGION, endpoint=kms.url)
    return {"SECURITY": replace(settings.SECURITY, encryption=encryption), "KEY_SERVICE": service}
