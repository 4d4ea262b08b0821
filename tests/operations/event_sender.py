"""Many browsers that report events on time, and send again what the door takes later, as the script of a page does.

    python -m tests.operations.event_sender PORTS COOKIES PRODUCTS RATE BATCH SECONDS

A process of its own, so that it delays nobody who measures pages. It prints what became of the events, as JSON.
"""

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, PriorityQueue
from uuid import uuid4

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
LATER = {"not_stored", "server_busy", "rate_limited"}
QUIET, TRIES, SENDERS = 2.0, 4, 16
"""As in seen.js: seconds before the next try, which double, and how often it tries before it waits for a next event."""


@dataclass(order=True)
class Delivery:
    """Events of one browser, and when they are due."""

    due: float
    number: int
    tried: int = field(compare=False)
    cookie: str = field(compare=False)
    events: list[dict] = field(compare=False)


@dataclass
class Sender:
    """All browsers together."""

    ports: list[int]
    waiting: PriorityQueue = field(default_factory=PriorityQueue)
    counted: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    unanswered: int = 0

    def run(self) -> Counter:
        self.unanswered = self.waiting.qsize()
        threads = [threading.Thread(target=self._send_all, args=[number]) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.counted

    def _send_all(self, number: int) -> None:
        to = http.client.HTTPConnection("127.0.0.1", self.ports[number % len(self.ports)], timeout=30)
        while self.unanswered:
            with suppress(Empty):
                delivery = self.waiting.get(timeout=0.2)
                time.sleep(max(delivery.due - time.monotonic(), 0))
                self._note(delivery, *self._send(to, delivery))

    def _send(self, to: http.client.HTTPConnection, delivery: Delivery) -> tuple[int, list[tuple[int, str]]]:
        body = json.dumps({"sent_at": int(time.time() * 1000), "events": delivery.events})
        headers = {
            "Host": "testserver",
            "Cookie": delivery.cookie,
            "User-Agent": FIREFOX,
            "Content-Type": "text/plain;charset=UTF-8",
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": f"10.0.{delivery.number // 250 % 250}.{delivery.number % 250}",
        }
        try:
            to.request("POST", "/personalization/events/", body, headers)
            answer = to.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            to.close()
            return 0, []
        rejected = json.loads(content)["rejected"] if answer.status < 300 else []
        return answer.status, [(one["index"], one["code"]) for one in rejected]

    def _note(self, delivery: Delivery, status: int, rejected: list[tuple[int, str]]) -> None:
        whole = status in (0, 408, 429) or status >= 500
        again = range(len(delivery.events)) if whole else [index for index, code in rejected if code in LATER]
        refused = 0 if whole else len(rejected) - len(again)
        with self.lock:
            self.counted[f"status {status}"] += 1
            self.counted.update(code for _, code in rejected)
            self.counted["accepted"] += len(delivery.events) - len(again) - refused
            self.counted["refused"] += refused
            if again and delivery.tried + 1 == TRIES:
                self.counted["given up"] += len(again)
            if not again or delivery.tried + 1 == TRIES:
                self.unanswered -= 1
                return
            self.counted["sent again"] += len(again)
        pause = QUIET * 2**delivery.tried * (0.5 + random.random())
        events = [delivery.events[index] for index in again]
        self.waiting.put(
            Delivery(time.monotonic() + pause, delivery.number, delivery.tried + 1, delivery.cookie, events)
        )


def main(ports: str, cookies: str, products: str, *numbers: str) -> None:
    browsers, items = Path(cookies).read_text().splitlines(), products.split(",")
    rate, batch, seconds = map(int, numbers)
    sender, begin = Sender([int(port) for port in ports.split(",")]), time.monotonic() + 0.5
    for number in range(rate * seconds // batch):
        due = begin + number * batch / rate
        at = int((time.time() + due - time.monotonic()) * 1000)
        events = [
            {"id": str(uuid4()), "name": "view_item", "at": at, "items": [{"item_id": random.choice(items)}]}
            for _ in range(batch)
        ]
        sender.waiting.put(Delivery(due, number, 0, browsers[number % len(browsers)], events))
    print(json.dumps(sender.run()))


if __name__ == "__main__":
    main(*sys.argv[1:])
