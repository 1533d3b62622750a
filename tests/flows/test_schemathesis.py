"""schemathesis over the whole OpenAPI document, as everyone: no 5xx, and every answer is as the document says."""

from typing import Any

import pytest

from apps.accounts.services.tokens import mint_access_token
from apps.core import clock
from tests.flows.sweep.asking import ALL
from tests.flows.sweep.generated import Findings, run
from tests.flows.sweep.scene import Scene

EVERYONE = ["INVESTOR", "ISSUER", "COMPLIANCE", "OPS", "nobody"]


def headers_of(scene: Scene, who: str) -> dict[str, str]:
    """What this caller sends with each request."""
    if who == "nobody":
        return {}
    token = mint_access_token(user_id=scene.users[who].pk, now=clock.now())
    return {"Authorization": f"Bearer {token.access}"}


def judge(found: Findings, least: int) -> None:
    assert not found.failures, "\n".join(found.failures[:20])
    assert len(found.operations) >= len(ALL)
    assert found.statuses.total() >= least * len(ALL), found.statuses
    assert max(found.statuses) <= 503


@pytest.mark.usefixtures("matching")
class TestGeneratedRequests:
    @pytest.mark.parametrize("who", EVERYONE)
    def test_are_answered_as_documented(self, scene: Scene, server: str, who: str) -> None:
        judge(run(server, headers_of(scene, who), examples=1, coverage=False), least=1)

    @pytest.mark.soak
    @pytest.mark.parametrize("who", EVERYONE)
    def test_at_every_boundary_too(self, scene: Scene, server: str, who: str, settings: Any) -> None:
        settings.ACCESS_TOKEN_SECONDS = 7_200
        judge(run(server, headers_of(scene, who), examples=30, coverage=True), least=50)
