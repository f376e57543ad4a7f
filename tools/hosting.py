"""A plain web server as a static host is one, which notes what it gave out and what it was asked
for as a proxy: that is, every request of a browser to another host."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class Hosting(ThreadingHTTPServer):
    """Serves `folder`. `given` are (path, bytes of the file sent); `elsewhere` the other hosts."""

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.given: list[tuple[str, int]] = []
        self.elsewhere: list[str] = []

    def handle_error(self, request, client_address):
        """A page that was closed hangs up: no error."""


class _Handler(SimpleHTTPRequestHandler):
    def do_CONNECT(self):
        self.server.elsewhere.append(self.path)
        self.send_error(403)

    def do_GET(self):
        if urlsplit(self.path).netloc:
            self.do_CONNECT()
        else:
            super().do_GET()

    do_POST = do_PUT = do_CONNECT

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and self._code == 200:
            self.server.given.append((urlsplit(self.path).path, int(value)))
        super().send_header(keyword, value)

    def send_response(self, code, message=None):
        self._code = code
        super().send_response(code, message)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def hosted(folder: Path):
    """Yield the server; end it."""
    with Hosting(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
