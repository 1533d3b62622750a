"""The pages people use work in a real browser, under the policy they are served with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.core.devstack.ports import free_port
from apps.core.testing import databases
from apps.core.testing.waiting import until
from tests.browser.chromium import Chromium

PAGES = {
    "/admin/login/": "input[name=username]",
    "/api/docs": "#document .opblock-tag",
    "/api/redoc": "[data-section-id]",
}
INLINE = (
    "const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s); window.ran || 0"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="class")
def site(books: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web server on this class's books; its address."""
    address = f"127.0.0.1:{free_port()}"
    log = tmp_path_factory.mktemp("site") / "log"
    environment = {**os.environ, **databases.urls_of(books), "DJANGO_DEBUG": "true", "RATE_LIMIT_ANON": "10000/min"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.server", "--port", address.rpartition(":")[2]],
            cwd=databases.ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "Started worker" in log.read_text(), seconds=60)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def keep(browser: Chromium, name: str) -> None:
    """A picture for a person to look at, where BROWSER_SCREENSHOTS names a folder."""
    if folder := os.environ.get("BROWSER_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"{name}.png")


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_work_under_their_policy(self, site: str, browser: Chromium, path: str) -> None:
        browser.open(site + path, until=PAGES[path])
        keep(browser, path.strip("/").replace("/", "-"))
        assert browser.violations() == []

    @pytest.mark.parametrize("path", PAGES)
    def test_run_no_script_that_somebody_put_into_them(self, site: str, browser: Chromium, path: str) -> None:
        browser.open(site + path, until=PAGES[path])
        assert browser.evaluate(INLINE) == 0
        assert [refused.split()[:2] for refused in browser.violations()] == [["script-src-elem", "inline"]]

    def test_of_officers_work_under_their_policy(self, site: str, browser: Chromium) -> None:
        client = Client()
        client.force_login(make_user(role=Role.OPS))
        browser.set_cookie(site, settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)
        event = AuditLog.objects.order_by("-pk")[0].pk
        trail = "/admin/audit/auditlog/"
        entry = (f"{trail}{event}/change/", f"{trail}{event}/verify-entry/")
        for path in ("/admin/", "/admin/accounts/party/", "/admin/accounts/user/", trail, *entry):
            browser.open(site + path, until="#user-tools, #nav-sidebar, [x-data]")
            browser.wait("typeof window.Alpine == 'object'")
            keep(browser, path.strip("/").replace("/", "-"))
            assert browser.violations() == []
