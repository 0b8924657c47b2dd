"""sys.stdout and sys.stderr of task code: lines travel to the log under the name of their task.

What writes to the descriptors 1 and 2 itself (child processes, C code) goes through pipes instead,
and a child of a fork prints there as well.
"""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import io
import os
import sys
import threading

from .channel import Channel
from .own import steady

LONGEST_LINE = 4096
TAIL_SIZE = 4096
# Lines of one frame, so that a gigabyte printed at once is no gigabyte in memory a second time.
MOST_BYTES = 65536


# Of one run of a task. The program logs less of it; this keeps a flood from keeping it busy.
LINES_PER_SECOND = 500
BYTES_PER_SECOND = 1 << 18
BURST_SECONDS = 50


class Budget:
    """How much output still travels; what is over it is counted and dropped."""

    def __init__(self) -> None:
        self._is_fresh = False
        self.dropped = 0
        self.reset()

    def reset(self) -> None:
        """For another task."""
        if not self._is_fresh:
            self._lines = float(LINES_PER_SECOND * BURST_SECONDS)
            self._bytes = float(BYTES_PER_SECOND * BURST_SECONDS)
            self._at = steady()
            self._is_used_up = False
            self._is_fresh = True

    def take(self, lines: list) -> list:
        """Those of the lines that travel."""
        self._is_fresh = False
        now = steady()
        passed, self._at = now - self._at, now
        self._lines = min(LINES_PER_SECOND * BURST_SECONDS, self._lines + passed * LINES_PER_SECOND)
        self._bytes = min(BYTES_PER_SECOND * BURST_SECONDS, self._bytes + passed * BYTES_PER_SECOND)
        if self._is_used_up:
            # Nothing passes before there is enough for a second: one count, not many.
            if self._lines < LINES_PER_SECOND or self._bytes < BYTES_PER_SECOND:
                self.dropped += len(lines)
                return []
            self._is_used_up = False
        taken = lines[: int(self._lines)] if self._bytes > 0 else []
        self._is_used_up = len(taken) < len(lines)
        self.dropped += len(lines) - len(taken)
        self._lines -= len(taken)
        self._bytes -= sum(map(len, taken))
        return taken


class CurrentTask:
    """Which task is running; its id, its function, and the end of what it wrote to stderr."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.func = ""
        self.stderr = b""
        self.budget = Budget()

    def begin(self, id: str, func: str) -> None:
        self.id = id
        self.func = func
        self.stderr = b""
        self.budget.reset()

    def end(self) -> None:
        self.id = None
        self.func = ""
        self.budget.reset()


class LineWriter(io.RawIOBase):
    """The raw end of a text stream. Every whole line is sent at once: a crash loses none."""

    def __init__(self, channel: Channel, stream: str, descriptor: int, task: CurrentTask) -> None:
        super().__init__()
        self._channel = channel
        self._stream = stream
        self._descriptor = descriptor
        self._task = task
        self._line = b""
        self._cut = False
        self._lock = threading.RLock()
        # Something was written since the last flush. Most tasks print nothing: they need none.
        self.begun = False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._descriptor

    @property
    def name(self) -> str:
        return "<%s>" % self._stream

    def write(self, data) -> int:
        with memoryview(data).cast("B") as view:
            if self._channel.forked:
                return os.write(self._descriptor, view)
            part = bytes(view[:MOST_BYTES])
        self.begun = True
        with self._lock:
            if self._stream == "stderr":
                self._task.stderr = (self._task.stderr + part)[-TAIL_SIZE:]
            self._take(part)
        # A short count is no error: the buffer above comes again with the rest.
        return len(part)

    def _take(self, part: bytes) -> None:
        *whole, rest = part.split(b"\n")
        lines = []
        for line in whole:
            self._add(line)
            lines.append(self._end())
        self._add(rest)
        if lines:
            self._send(lines)

    def _add(self, part: bytes) -> None:
        room = LONGEST_LINE - len(self._line)
        self._line += part[:room]
        self._cut = self._cut or len(part) > room

    def _end(self) -> str:
        line = self._line.decode("utf-8", "replace") + (" …" if self._cut else "")
        self._line = b""
        self._cut = False
        return line

    def _send(self, lines: list) -> None:
        lines = self._task.budget.take(lines)
        if lines:
            self._send_all(lines)

    def _send_all(self, lines: list) -> None:
        task = self._task
        message = {
            "type": "output",
            "task": task.id,
            "func": task.func,
            "stream": self._stream,
            "lines": lines,
        }
        if task.budget.dropped:
            message["dropped"] = task.budget.dropped
            task.budget.dropped = 0
        self._channel.send(message)

    def end_line(self) -> None:
        """Sends a line that has no newline yet, and the count of those that were dropped: its task is
        over."""
        with self._lock:
            if self._line:
                self._send([self._end()])
            if self._task.budget.dropped:
                self._send_all([])

    def drop_line(self) -> None:
        """In the child of a fork: what its parent had begun is its parent's to end."""
        self._line = b""
        self._lock = threading.RLock()


class NotingBuffer(io.BufferedWriter):
    """Notifies the raw end of what is on its way to it."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__(writer)
        self._writer = writer

    def write(self, data) -> int:
        self._writer.begun = True
        return super().write(data)


class Output:
    """Puts itself in the place of sys.stdout and sys.stderr."""

    def __init__(self, channel: Channel, task: CurrentTask) -> None:
        self.task = task
        self._outputs = []
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            writer = LineWriter(channel, name, descriptor, task)
            stream = io.TextIOWrapper(
                NotingBuffer(writer),
                encoding="utf-8",
                errors="backslashreplace",
                line_buffering=True,
                write_through=True,
            )
            stream.mode = "w"
            self._outputs.append((stream, writer))
            setattr(sys, name, stream)
            setattr(sys, "__%s__" % name, stream)
        self.keep()
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        for _, writer in self._outputs:
            writer.drop_line()

    def keep(self) -> None:
        """What the modules have made of sys.stdout and sys.stderr is what each task begins with."""
        self._kept = (sys.stdout, sys.stderr)

    def restore(self) -> None:
        """After a task, so that the next one's prints are logged."""
        stdout, stderr = self._kept
        if getattr(sys, "stdout", None) is not stdout:
            sys.stdout = stdout
        if getattr(sys, "stderr", None) is not stderr:
            sys.stderr = stderr

    def flush(self) -> None:
        """To the end of what was printed, with or without a last newline."""
        for stream, writer in self._outputs:
            if writer.begun:
                end(stream, writer)


def end(stream: io.TextIOWrapper, writer: LineWriter) -> None:
    writer.begun = False
    try:
        stream.flush()
    except ValueError:
        # Task code has closed it.
        pass
    writer.end_line()
