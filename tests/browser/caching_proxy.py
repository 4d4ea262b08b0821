"""A cache in front of a shop that knows nobody, as the simplest CDN does: a page that is not private is kept by its
address, and handed to whoever asks next, without any cookie.

    python -m tests.browser.caching_proxy PORT http://127.0.0.1:8000
"""

import http.client
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import urlsplit

AREAS = ("basket", "checkout", "accounts", "dashboard", "personalization", "static", "media", "view-as")
PASSED = tuple(f"/{area}/" for area in AREAS)
"""What is never kept: what belongs to one person; and files, which are not what this is about."""
NOT_HANDED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


class CachingProxy(BaseHTTPRequestHandler):
    """Answers from what it kept, or asks the shop."""

    protocol_version = "HTTP/1.1"
    shop = ""
    kept: dict = {}
    lock = Lock()

    def do_GET(self):
        may_keep = not self.path.startswith(PASSED)
        with self.lock:
            known = self.kept.get(self.path) if may_keep else None
        if known is None:
            status, headers, body = self.ask()
            control = "".join(value for name, value in headers if name.lower() == "cache-control")
            if may_keep and status == 200 and "private" not in control and "no-store" not in control:
                headers = [(name, value) for name, value in headers if name.lower() not in ("set-cookie", "vary")]
                with self.lock:
                    self.kept[self.path] = status, headers, body
            self.answer(status, [*headers, ("X-Cache", "miss")], body)
        else:
            status, headers, body = known
            self.answer(status, [*headers, ("X-Cache", "hit")], body)

    do_HEAD = do_GET  # noqa: N815 - as the library calls it

    def do_POST(self):
        self.answer(*self.ask(self.rfile.read(int(self.headers.get("Content-Length") or 0))))

    def ask(self, sent=None):
        """What the shop answers, as (status, headers, body)."""
        parts = urlsplit(self.shop)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, sent, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in NOT_HANDED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments):
        """Nothing is written for each request."""


class QuietServer(ThreadingHTTPServer):
    """A browser that goes away in the middle is no news."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Such a browser broke the pipe."""


def serve_cached(port: int, shop: str) -> QuietServer:
    """A cache at this port in front of the shop at this address."""
    handler = type("Proxy", (CachingProxy,), {"shop": shop, "kept": {}})
    return QuietServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    serve_cached(int(sys.argv[1]), sys.argv[2]).serve_forever()
