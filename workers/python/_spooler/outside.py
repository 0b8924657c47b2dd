"""What stands in for the connection to the program in a process that is no worker: a call to spool puts a
task where the process is configured to, and what has no effect is one line of debug each."""

from __future__ import annotations

import logging
import os

from .call_failed import CallFailed
from .configured import current
from .new_task import from_packet
from .put_errors import SpoolError
from .spool_directory import SpoolDirectory
from .state import state

_logger = logging.getLogger("spooler")


class Outside:
    def __init__(self) -> None:
        self._said: set = set()

    def call(self, method: str, tail: bytes = b"", **args) -> object:
        """Raises CallFailed."""
        if method == "spool":
            return self._spool(tail, args["bodySize"])
        if method == "pids":
            return []
        raise CallFailed("this process is no worker of spooler")

    def _spool(self, tail: bytes, body_size: int) -> str:
        """The path of the task's file, or its id where a server has taken it."""
        try:
            target = current()
            task = from_packet(tail, body_size)
            name = target.put(task)
        except (SpoolError, OSError) as error:
            raise CallFailed(str(error)) from error
        if not isinstance(target, SpoolDirectory):
            return name
        priority = "" if task.priority is None else str(task.priority)
        spool = target.path if task.spooler is None else os.fsdecode(task.spooler)
        return os.path.join(spool, priority, name)

    def notify(self, _method: str, message: str = "", **_args) -> None:
        """Each message once in a process."""
        if message not in self._said:
            self._said.add(message)
            _logger.debug("%s", message)


def log(message: str) -> None:
    _logger.info("%s", message)


def begin() -> None:
    """This process is a web process or a command of the site: `uwsgi` works as far as it can there."""
    state.channel = Outside()  # type: ignore[assignment]
    state.setup = {}
    state.loaded = True
