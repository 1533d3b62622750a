"""Clients that place and read orders over HTTP, and remember every answer."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self

PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked, when it was answered, and how. Status 0: no answer at all."""

    asked: str
    at: float
    status: int
    retry_after: str | None
    body: Any


@dataclass
class Load:
    """Two threads a trader, one that places orders far from each other's prices and one that reads, until stopped."""

    port: int
    isin: str
    tokens: list[str]
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=act, args=(number,), daemon=True)
            for number in range(len(self.tokens))
            for act in (self._trade, self._read)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more, and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def since(self, began: float) -> list[Answer]:
        """The answers given after this instant."""
        return [answer for answer in list(self.answers) if answer.at >= began]

    def accepted(self) -> list[str]:
        """Client ids of the orders that were taken."""
        return [answer.asked for answer in list(self.answers) if answer.status in {201, 202}]

    def place(self, trader: int, client_order_id: str) -> Answer:
        """One order to buy one unit, below what anyone would sell for."""
        body = {
            "client_order_id": client_order_id,
            "isin": self.isin,
            "side": "BUY",
            "order_type": "LIMIT",
            "price": "1.00",
            "quantity": "1",
            "time_in_force": "GTC",
        }
        return self._ask(trader, "POST", "/api/dex/orders", body, client_order_id)

    def _trade(self, trader: int) -> None:
        for number in count():
            if self._stop.wait(PAUSE_SECONDS):
                return
            self.answers.append(self.place(trader, f"load-{trader}-{number}"))

    def _read(self, trader: int) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            self.answers.append(self._ask(trader, "GET", "/api/dex/orders", None, "read"))

    def _ask(self, trader: int, method: str, path: str, body: Any, asked: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.tokens[trader]}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            said = response.read()
            retry_after = response.headers.get("Retry-After")
            return Answer(asked, time.monotonic(), response.status, retry_after, _parsed(said))
        except (OSError, http.client.HTTPException) as error:
            return Answer(asked, time.monotonic(), 0, None, repr(error))
        finally:
            connection.close()


def _parsed(said: bytes) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return said
