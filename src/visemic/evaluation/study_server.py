"""A small server for a study: files of ``site/``, and two places that take JSON.

``POST begin`` gives a participant a number and a session, ``POST answer`` keeps an answer. Made
for a laboratory or a tunnel, from the standard library alone; nothing outside ``site/`` can be
read, and pages may load nothing from elsewhere.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from visemic.core.errors import InputError, OutputError, VisemicError
from visemic.evaluation.study import MEDIA, SITE, Study, read_study
from visemic.evaluation.study_answer import AnswerStore, check_answer

HOST, PORT = "127.0.0.1", 8_770
MAX_BODY_BYTES = 16_384
_BLOCK_BYTES = 65_536
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".mp4": "video/mp4",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FILE = re.compile(rf"(?:{MEDIA}/[0-9a-f]{{16}}\.mp4|[a-z0-9-]+\.(?:html|js|css))")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class StudyServer(ThreadingHTTPServer):
    """Serves one study until it is shut down."""

    daemon_threads = True

    def __init__(self, folder: Path, *, host: str = HOST, port: int = PORT) -> None:
        """Open the study's answers and take the port.

        Args:
            folder: Of the study.
            host: Address to listen on; the default answers this machine only.
            port: 0 takes any free one.

        Raises:
            ArtifactError: The folder holds no study.
            OutputError: The address is in use or not allowed.
        """
        self.study: Study = read_study(folder)
        self.site = folder / SITE
        self.store = AnswerStore(folder)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            self.store.close()
            raise OutputError(f"cannot listen on {host}:{port}: {error}; choose another --port") from error

    @property
    def url(self) -> str:
        """Address of the first page."""
        host, port = self.server_address[:2]
        shown = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"http://{shown}:{port}/"

    def server_close(self) -> None:
        """Give the port back and close the answers."""
        super().server_close()
        self.store.close()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: StudyServer
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Send a file of the site."""
        self._send_file(with_body=True)

    def do_HEAD(self) -> None:
        """Send what a file would be sent with."""
        self._send_file(with_body=False)

    def do_POST(self) -> None:
        """Take a beginning or an answer."""
        place = self.path.split("?")[0].lstrip("/")
        try:
            data = self._body()
            if place == "begin":
                session = self.server.store.begin(len(self.server.study.sessions), str(data.get("sound")))
                self._send_json({"participant": session[0], "session": session[1]})
            elif place == "answer":
                answer = check_answer(self.server.study, data)
                self._send_json({"kept": self.server.store.add(answer)})
            else:
                self._send_text(HTTPStatus.NOT_FOUND, "nothing is taken here")
        except VisemicError as error:
            self.close_connection = True
            self._send_text(HTTPStatus.BAD_REQUEST, str(error))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep silent: addresses of participants are nobody's business."""

    def _body(self) -> Mapping[str, object]:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            raise InputError(
                f"a body of {length[:12] or 'no'} bytes is refused; send at most {MAX_BODY_BYTES}"
            )
        # A page of another site cannot send this type without asking first, and is then refused.
        if self.headers.get_content_type() != "application/json":
            raise InputError("the body is not declared as application/json; send what the page sends")
        try:
            data = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise InputError("the body is not JSON; send what the page sends") from error
        if not isinstance(data, dict):
            raise InputError("the body is not an object; send what the page sends")
        return data

    def _send_file(self, *, with_body: bool) -> None:
        place = self.path.split("?")[0].lstrip("/") or "index.html"
        path = self.server.site / place
        if not _FILE.fullmatch(place) or not path.is_file():
            self._send_text(HTTPStatus.NOT_FOUND, "there is no such page")
            return
        size = path.stat().st_size
        span = _span(self.headers.get("Range"), size)
        if span is None:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self._end_headers("text/plain", 0, {"Content-Range": f"bytes */{size}"})
            return
        first, stop = span
        is_part = "Range" in self.headers and (first, stop) != (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK)
        extra = {"Accept-Ranges": "bytes"}
        if is_part:
            extra["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
        self._end_headers(_TYPES[path.suffix], stop - first, extra)
        if with_body:
            with path.open("rb") as file:
                file.seek(first)
                self._copy(file, stop - first)

    def _copy(self, file: BinaryIO, n_bytes: int) -> None:
        try:
            while n_bytes > 0 and (block := file.read(min(n_bytes, _BLOCK_BYTES))):
                self.wfile.write(block)
                n_bytes -= len(block)
        except (BrokenPipeError, ConnectionResetError):
            # Browsers drop a film half-way and ask again for a part of it.
            self.close_connection = True

    def _send_json(self, data: Mapping[str, object]) -> None:
        body = json.dumps(data).encode()
        self.send_response(HTTPStatus.OK)
        self._end_headers("application/json", len(body), {})
        self.wfile.write(body)

    def _send_text(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self._end_headers("text/plain; charset=utf-8", len(body), {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _end_headers(self, kind: str, length: int, extra: Mapping[str, str]) -> None:
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(length), **extra}.items():
            self.send_header(name, value)
        self.end_headers()


def _span(asked: str | None, size: int) -> tuple[int, int] | None:
    """Give first byte and one past the last of a range; the whole for none; None if it lies outside."""
    found = _RANGE.fullmatch(asked) if asked else None
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if first == "":
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1 if last else size)
    return (start, stop) if start < stop else None
