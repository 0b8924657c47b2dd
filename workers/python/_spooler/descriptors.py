"""Keeps what this worker needs away from task code that closes file descriptors 0 to 9.

The low descriptors are taken up at start, so that claimed task files get higher ones by themselves.
After task code has closed some, they are taken up again, and stdout and stderr lead to the log again.
"""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import fcntl
import os

# The first descriptor that may hold a task file.
LOWEST = 10
HIGH_DESCRIPTOR = 64


class LowDescriptors:
    def __init__(self) -> None:
        self._saved = {}
        for descriptor in (1, 2):
            try:
                self._saved[descriptor] = fcntl.fcntl(
                    descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR
                )
            except OSError:
                # It was closed before this worker began.
                pass
        self.take_up()

    def take_up(self) -> None:
        """Leaves no descriptor below LOWEST free."""
        while True:
            descriptor = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            if descriptor >= LOWEST:
                os.close(descriptor)
                return
            if descriptor in self._saved:
                os.dup2(self._saved[descriptor], descriptor)
            elif descriptor <= 2:
                os.set_inheritable(descriptor, True)

    def lift(self, descriptor: int) -> int:
        """Moves a file that got a low descriptor. Before it is locked: closing it drops its lock."""
        lifted = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, LOWEST)
        os.close(descriptor)
        self.take_up()
        return lifted
