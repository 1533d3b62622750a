"""The REST API, as a client sees it."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]


class Refused(Exception):
    """The API said no: status, stable code, message."""

    def __init__(self, status: int, error: Json) -> None:
        self.status, self.code, self.details = status, error["code"], error["details"]
        super().__init__(f"{status} {error['code']}: {error['message']}")


class Api:
    """One logged-in user. A token that has run out is renewed once; who asks too often waits as long as told."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=15, trust_env=False)
        self.login = {"username": username, "password": password}
        self._token = ""

    @property
    def credentials(self) -> dict[str, str]:
        """The header that says who asks; empty before the first login."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def get(self, path: str, **query: Any) -> Any:
        """The data of a GET."""
        return self._send("GET", path, params=query)

    def post(self, path: str, **body: Any) -> Any:
        """The data of a POST."""
        return self._send("POST", path, json=body)

    def command(self, path: str, **body: Any) -> Any:
        """The data of a POST that must be safe to send again: it has an Idempotency-Key of its own."""
        return self._send("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())})

    def patch(self, path: str, **body: Any) -> Any:
        """The data of a PATCH."""
        return self._send("PATCH", path, json=body)

    def download(self, path: str, **query: Any) -> bytes:
        """The bytes of a GET that answers with a file."""
        answer = self._answer("GET", path, params=query)
        if answer.is_error:
            _data(answer)
        return answer.content

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return _data(self._answer(method, path, **options))

    def _answer(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        for _ in range(2):
            sent = self.credentials | (headers or {})
            answer = self._client.request(method, path, headers=sent, **options)
            while answer.status_code == 429:
                time.sleep(int(answer.headers["Retry-After"]))
                answer = self._client.request(method, path, headers=sent, **options)
            if answer.status_code != 401:
                break
            self._token = _data(self._client.post("/api/auth/token", json=self.login))["access"]
        return answer


def _data(answer: httpx.Response) -> Any:
    body = answer.json()
    if set(body) - {"request_id", "error", "data"} != {"success", "timestamp"}:
        raise AssertionError(f"not the envelope: {sorted(body)}")
    if not body["success"]:
        raise Refused(answer.status_code, body["error"])
    return body["data"]


def wait_until(what: str, ask: Callable[[], Any], seconds: float = 40) -> Any:
    """Ask until the answer is true; it. Raises TimeoutError naming what was waited for."""
    began = time.monotonic()
    deadline = began + seconds
    while True:
        if found := ask():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        # Often at first; a minute of that would use up a user's reads.
        time.sleep(0.15 if time.monotonic() - began < 3 else 0.7)


def reference() -> str:
    """A client's own id for a command: sent again, it is the same command."""
    return f"demo-{uuid4()}"
