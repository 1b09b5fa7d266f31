"""Several processes that train one network together, started and watched by this one.

Each makes its own task from the recipe, so nothing but plain data goes between them; reports
and errors come back through a queue, and an error reads the same as in a single process.
"""

import os
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as multiprocessing

from visemic.core.errors import TrainingError, VisemicError
from visemic.training.loop import Progress
from visemic.training.recipe import Recipe
from visemic.training.task import load_task

_LOOK_EVERY_S = 1.0
_LEAVE_WITHIN_S = 10.0


def run_on_devices(
    recipe: Recipe,
    data_paths: Mapping[str, Path],
    out: Path,
    device: str,
    devices: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Make the steps that are left on several devices.

    Raises:
        TrainingError: A loss is not finite, or a process ended without a word.
        VisemicError: What a task raised in a process.
    """
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    port = _free_port()
    threads = max(1, torch.get_num_threads() // devices)
    processes = [
        context.Process(
            target=_work,
            args=(rank, devices, port, threads, recipe, dict(data_paths), out, device, reports),
            daemon=recipe.schedule.workers == 0,  # a daemon may have no children
        )
        for rank in range(devices)
    ]
    try:
        for process in processes:
            process.start()
        n_left = devices
        while n_left:
            report = _next_report(reports, processes)
            if isinstance(report, VisemicError):
                raise report
            if isinstance(report, Progress):
                if progress is not None:
                    progress(report)
            else:
                n_left -= 1
        for process in processes:
            process.join(_LEAVE_WITHIN_S)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
            if process.pid is not None:
                process.join()
        reports.close()


def _next_report(reports: Any, processes: list[Any]) -> Any:
    while True:
        try:
            return reports.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            dead = [p for p in processes if p.exitcode not in (None, 0)]
        if dead and reports.empty():
            code = dead[0].exitcode
            raise TrainingError(f"a training process ended with code {code}; resume from the last checkpoint")


def _work(
    rank: int,
    devices: int,
    port: int,
    threads: int,
    recipe: Recipe,
    data_paths: Mapping[str, Path],
    out: Path,
    device: str,
    reports: Any,
) -> None:
    """Be one of the processes."""
    # Lightning reads from these that its processes are there already.
    os.environ.update(LOCAL_RANK=str(rank), NODE_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(threads)
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    from visemic.training.trainer import run_loop

    try:
        task = load_task(recipe, data_paths)
        run_loop(task, recipe, out, device, devices, reports.put if rank == 0 else None)
    except VisemicError as error:
        reports.put(error)
        return
    except KeyboardInterrupt:
        return
    reports.put(None)


def _leave_with_the_parent() -> None:
    """End this process when the one that started it is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
