"""Servers that stand where a cluster is expected: one that always answers the same, and TLS with a password."""

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import trustme
import urllib3


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a request, and as which kind of content."""

    status: int
    body: bytes
    kind: str = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Front:
    """A server at `address`, whose certificate is signed by that in the file `ca`."""

    address: str
    ca: Path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body: bytes) -> Answer:
        raise NotImplementedError

    def _respond(self) -> None:
        answer = self.answer(self.rfile.read(int(self.headers.get("content-length", 0))))
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _respond  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that do not trust us hang up


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a server that says this to everything."""

    class Handler(_Handler):
        def answer(self, body: bytes) -> Answer:
            return answer

    with _Server(("127.0.0.1", 0), Handler) as server, _running(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def signed_in(node: str, user: str, password: str, folder: Path, name: str = "127.0.0.1") -> Iterator[Front]:
    """TLS in front of a node, for one user; the certificate is for `name`."""
    expected = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    class Handler(_Handler):
        def answer(self, body: bytes) -> Answer:
            if self.headers.get("authorization") != expected:
                return Answer(401, b"Unauthorized", "text/plain; charset=UTF-8")
            headers = {"content-type": self.headers.get("content-type", "application/json")}
            got = urllib3.request(self.command, node + self.path, body=body, headers=headers)
            return Answer(got.status, got.data, got.headers.get("content-type", "application/json"))

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with _Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with _running(server):
            yield Front(f"https://127.0.0.1:{server.server_port}", folder / "ca.pem")


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
