"""A process that goes on with another database, as after a restore: no key of the former is used in it."""

import pytest

from apps.core.ids import new_id
from apps.core.testing import databases
from apps.vault.keys import Keyring
from apps.vault.models import PurposeKey
from apps.vault.types import Purpose

NONCE = b"n" * 12


@pytest.mark.usefixtures("books")
class TestAKeyMadeAtOnce:
    @pytest.mark.parametrize("has_key", [False, True], ids=["without a purpose key", "with another of the same id"])
    def test_in_another_database_is_wrapped_by_a_key_of_that(self, books: str, template: str, *, has_key: bool) -> None:
        """Within the second in which it has no reason to look whether its keys are still good."""
        here, subject = Keyring(monotonic=lambda: 1_000.0), new_id()
        here.current(Purpose.PERSONAL, new_id())
        with databases.cloned(template, f"{books}_other"):
            if has_key:
                Keyring().current(Purpose.PERSONAL, new_id())
            made = here.current(Purpose.PERSONAL, subject)
            assert PurposeKey.objects.filter(pk=made.kek_id, retired_at=None).exists()
            sealed = made.cipher.encrypt(NONCE, b"Grace", b"")
            found = Keyring().current(Purpose.PERSONAL, subject)
            assert found.id == made.id
            assert found.cipher.decrypt(NONCE, sealed, b"") == b"Grace"
