"""A server on this machine that speaks the OpenAI protocol and answers what a test wants."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(content) -> bytes:
    """Give an answer of the protocol around a content."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


class OpenAiServer:
    """Answers each question by ``answer(payload)``: bytes, (status, bytes) or a generator of bytes."""

    def __init__(self, answer) -> None:
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._send(200, json.dumps({"data": [{"id": "tiny"}]}).encode())

            def do_POST(self):
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({**payload, "_headers": dict(self.headers), "_path": self.path})
                given = answer(payload)
                if hasattr(given, "__next__"):
                    self._drip(given)
                elif isinstance(given, tuple):
                    self._send(*given)
                else:
                    self._send(200, given)

            def _send(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self._write(body)

            def _drip(self, parts):
                self.send_response(200)
                self.end_headers()
                for part in parts:
                    if not self._write(part):
                        return
                    time.sleep(0.05)

            def _write(self, body):
                try:
                    self.wfile.write(body)
                    self.wfile.flush()
                except OSError:
                    return False
                return True

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
