"""A balancer that gives each request to the next web host."""

import http.client
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
"""Headers of one connection, which are not passed on."""


@contextmanager
def balancer(hosts: Sequence[int]) -> Iterator[int]:
    """Passes requests on to these ports, in turn; its own port."""
    turns = itertools.cycle(hosts)

    class PassOn(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            headers["X-Forwarded-For"] = self.client_address[0]
            host = http.client.HTTPConnection("127.0.0.1", next(turns), timeout=20)
            try:
                host.request(self.command, self.path, body or None, headers)
                response = host.getresponse()
                content = response.read()
            finally:
                host.close()
            self.send_response_only(response.status)
            for name, value in response.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - as the server calls it

        def log_message(self, *_):
            """Writes nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), PassOn) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
