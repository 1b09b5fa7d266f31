"""Phone recognition in processes of its own, because the recogniser holds Python's lock.

A helper process is a plain Python that runs ``serve``: it reads a length and that many bytes
of sound, answers with a line of JSON, and ends with its input. Unlike the standard library's
process pool this never imports the caller's script again.
"""

import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

from visemic.audio.decoder import recognise_pcm

Found = list[tuple[str, int, int]]
"""Label, first frame and frame after the last of each phone of a piece."""

_LENGTH_BYTES = 4
_SERVE = "from visemic.audio.worker import serve; import sys; serve(sys.stdin.buffer, sys.stdout.buffer)"


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer pieces of sound with their phones until the input ends."""
    while len(head := source.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
        found = recognise_pcm(source.read(int.from_bytes(head, "little")))
        target.write(json.dumps(found).encode() + b"\n")
        target.flush()


def recognise_pieces(pieces: Iterable[bytes], n_workers: int) -> Iterator[Found]:
    """Give the phones of each piece, in order; the result is the same for any number of workers.

    Args:
        pieces: What ``decoder.padded_pcm`` gives; taken a few ahead of what is given.
        n_workers: Processes; 1 works in the caller's own.
    """
    if n_workers <= 1:
        yield from map(recognise_pcm, pieces)
        return
    helpers = [_Helper() for _ in range(n_workers)]
    free: queue.SimpleQueue[_Helper] = queue.SimpleQueue()
    for helper in helpers:
        free.put(helper)

    def recognise(pcm: bytes) -> Found:
        helper = free.get()
        try:
            return helper.recognise(pcm)
        finally:
            free.put(helper)

    waiting: deque[Future[Found]] = deque()
    try:
        with ThreadPoolExecutor(n_workers) as threads:
            try:
                for pcm in pieces:
                    waiting.append(threads.submit(recognise, pcm))
                    if len(waiting) > 2 * n_workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        for helper in helpers:
            helper.close()


class _Helper:
    """One process; where none can be started, the same work is done here, only slower."""

    def __init__(self) -> None:
        self._process: Any = None
        # A frozen program's executable is not a Python.
        if not sys.executable or getattr(sys, "frozen", False):
            return
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            self._process = subprocess.Popen(
                # -P: a json.py in the working folder must not stand in for the library's.
                [sys.executable, "-P", "-c", _SERVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError:
            self._process = None

    def recognise(self, pcm: bytes) -> Found:
        """Give the phones of one piece."""
        if self._process is not None:
            try:
                self._process.stdin.write(len(pcm).to_bytes(_LENGTH_BYTES, "little") + pcm)
                self._process.stdin.flush()
                answer = self._process.stdout.readline()
            except OSError:
                answer = b""
            if answer:
                return [(str(label), int(first), int(end)) for label, first, end in json.loads(answer)]
            # It was killed, perhaps for memory: go on without it.
            self.close()
        return recognise_pcm(pcm)

    def close(self) -> None:
        """End the process and wait for it."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except OSError:
                continue
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
