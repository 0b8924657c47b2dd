"""Runs tasks: claim the file, read it, call the function, remove the file; batches of them.

What was done is told in batches. Every other fate is the program's to decide: the file stays open
and locked until it says that the fate is on disk.
"""

from __future__ import annotations

import collections
import errno
import fcntl
import os
import stat
import sys
import time
import traceback

import uwsgi

from . import packet
from .channel import Channel
from .descriptors import LOWEST, LowDescriptors
from .loader import one_line
from .output import Output
from .state import state

# How long an answer may wait for others, and the socket for a look: seconds.
PATIENCE = 0.005
# The program's clock has whole milliseconds: a file of this very one is not in the future.
MILLISECOND = 0.001
# File times come from a clock that ticks more coarsely than the system's, or from a server: seconds.
CLOCK_SLACK = 1

# Not opened: symbolic links. Not waited for: pipes.
OPEN_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

OWN_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

# What open and lockf say when somebody else has the file.
BUSY = (errno.EAGAIN, errno.EACCES)


class TaskRunner:
    def __init__(self, channel: Channel, output: Output, descriptors: LowDescriptors) -> None:
        self._channel = channel
        self._output = output
        self._task = output.task
        self._descriptors = descriptors
        setup = state.setup
        self._prefix = os.fsencode(setup["spool"]) + b"/"
        self._names = {name.encode() for name in setup["names"]}
        self._alone = setup["alone"]
        self._decorators = None
        self._queue: collections.deque = collections.deque()
        self._answers: list = []
        self._first_answer = 0.0
        # Of the last answer, when the next task may become a part of it.
        self._done_func: str | None = None
        self._done_took: list = []
        self._held: dict = {}
        self._current: tuple = ("", -1)
        state.read_held = self._read_held

    def catch_all(self) -> bool:
        """Whether code has set `uwsgi.spooler` to a function of its own."""
        spooler = uwsgi.__dict__.get("spooler")
        return spooler is not None and spooler is not self._manage_request()

    def functions(self) -> list:
        return [] if self.catch_all() or not self._decorators else [*self._known_functions()]

    def _manage_request(self):
        if self._decorators is None:
            self._decorators = sys.modules.get("uwsgidecorators")
        return getattr(self._decorators, "manage_spool_request", None)

    def _known_functions(self) -> dict:
        return getattr(self._decorators, "spooler_functions", {})

    # What the program says

    def give(self, message: dict) -> None:
        chosen = message.get("chosen") is True
        self._queue.extend((task, chosen) for task in message["tasks"])

    def release(self, task: str) -> None:
        descriptor = self._held.pop(task, None)
        if descriptor is not None:
            close(descriptor)

    def withdraw(self) -> None:
        while self._queue:
            task, _ = self._queue.popleft()
            self._answer(task, "withdrawn", "", 0, None)

    def work(self, look) -> None:
        """Runs all there is. Calls `look` now and then, for what the program says meanwhile."""
        now = looked = time.perf_counter()
        while self._queue:
            if now - looked > PATIENCE:
                look()
                looked = now
                if not self._queue:
                    break
            if self._answers and now - self._first_answer > PATIENCE:
                self.send_answers()
            task, chosen = self._queue.popleft()
            kind, func, details = self._run(task, chosen)
            ended = time.perf_counter()
            # Whole microseconds; round() would go by way of text.
            self._answer(task, kind, func, int(1000000 * (ended - now)) / 1000, details)
            now = ended
        self.send_answers()

    def _answer(self, task: str, kind: str, func: str, took: float, details) -> None:
        """Tasks that were done one after the other by the same function are one answer."""
        if kind == "done" and func == self._done_func:
            self._done_took.append(took)
            return
        if not self._answers:
            self._first_answer = time.perf_counter()
        if kind == "done":
            self._done_func = func
            self._done_took = [took]
            self._answers.append([task, kind, func, self._done_took])
            return
        self._done_func = None
        self._answers.append([task, kind, func, took, details])
        if kind != "gone":
            self.send_answers()

    def send_answers(self) -> None:
        if self._answers:
            answers, self._answers = self._answers, []
            self._done_func = None
            self._channel.send({"type": "answers", "answers": answers})

    # One task

    def _run(self, task: str, chosen: bool) -> tuple:
        """The kind of the answer, the function's name, and perhaps details."""
        path = self._prefix + task.encode("utf-8", "surrogateescape")
        try:
            claimed = self._claim(task, path)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return "gone", "", None
            return "look", "", None
        if isinstance(claimed, str):
            return claimed, "", None
        descriptor, size = claimed
        hold = chosen
        try:
            data = os.read(descriptor, size)
            if len(data) < size:
                data = read_all(descriptor, size)
            found = packet.decode(data)
            if found is None:
                hold = False
                return "look", "", None
            task_vars, end = found
            func = task_vars.get(b"ud_spool_func", b"")
            name = func.decode("utf-8", "replace")
            if not chosen and not self._is_mine(func, name):
                return "elsewhere", name, None
            environment = {"spooler_task_name": path.rpartition(b"/")[2], **task_vars}
            if len(data) > end:
                environment["body"] = data[end:]
            del data, task_vars, found
            self._current = (path, descriptor)
            kind, details = self._call(task, name, environment)
            if kind == "done" and not chosen:
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    # Its own function has removed it.
                    pass
                except OSError as error:
                    kind, details = "failed", {"reason": "remove the file: %s" % error.strerror}
            hold = hold or kind in ("retry", "failed", "permanent")
            return kind, name, details
        except OSError:
            # The file cannot be read.
            hold = False
            return "look", "", None
        finally:
            self._current = ("", -1)
            if hold:
                self._held[task] = descriptor
            else:
                close(descriptor)

    def _claim(self, task: str, path: bytes):
        """A locked descriptor and the file's size, or the kind of answer. Raises OSError."""
        if task in self._held:
            return "busy"
        now = time.time()
        descriptor = os.open(path, OPEN_FLAGS)
        claimed = False
        try:
            if descriptor < LOWEST:
                descriptor = self._descriptors.lift(descriptor)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in BUSY:
                    return "busy"
                raise
            # Between the look of the program and the lock another consumer may have finished it, moved
            # it or put it off. A move changes the ctime: a file that has long been as it is still has
            # its name.
            has = os.fstat(descriptor)
            if has.st_nlink == 0:
                return "gone"
            if has.st_ctime > now - CLOCK_SLACK and not is_at(path, has):
                return "gone"
            if not stat.S_ISREG(has.st_mode) or has.st_mtime - MILLISECOND > now:
                return "look"
            claimed = True
            return descriptor, has.st_size
        finally:
            if not claimed:
                close(descriptor)

    def _is_mine(self, func: bytes, name: str) -> bool:
        if func in self._names:
            return False
        if self.catch_all():
            return self._alone
        return self._decorators is not None and name in self._known_functions()

    def _call(self, task: str, name: str, environment: dict) -> tuple:
        current = self._task
        current.id = task
        current.func = name
        current.stderr = b""
        try:
            spooler = getattr(uwsgi, "spooler", None)
            if spooler is None:
                # The program insists, and no module here has a function for it.
                return "elsewhere", None
            return outcome(spooler(environment))
        except BaseException as error:
            if self._channel.forked:
                print_exception(error)
                leave(1)
            print_exception(error)
            self._output.flush()
            kind = "permanent" if isinstance(error, uwsgi.Permanent) else "failed"
            stderr = current.stderr.decode("utf-8", "replace")
            return kind, {"reason": one_line(error), "stderr": stderr}
        finally:
            if self._channel.forked:
                leave(0)
            self._output.flush()
            current.id = None
            current.func = ""

    def _read_held(self, path: str) -> bytes | None:
        """A task file that is claimed here, read without opening it again."""
        wanted = os.path.abspath(os.fsencode(path))
        held = [self._current]
        for task, descriptor in self._held.items():
            held.append((self._prefix + task.encode("utf-8", "surrogateescape"), descriptor))
        for each, descriptor in held:
            if each and os.path.abspath(each) == wanted:
                return read_all(descriptor, os.fstat(descriptor).st_size)
        return None


def is_at(path: bytes, file: os.stat_result) -> bool:
    """Whether the path is a name of that file. Raises OSError."""
    return os.path.samestat(os.stat(path, follow_symlinks=False), file)


def outcome(result) -> tuple:
    """What a return value of `uwsgi.spooler` means; as uWSGI, but that nothing is no failure."""
    if result is None:
        return "done", None
    if not isinstance(result, int):
        return "retry", {"reason": "it returned %s, no number" % type(result).__name__}
    if result == uwsgi.SPOOL_OK:
        return "done", None
    if result == uwsgi.SPOOL_IGNORE:
        return "ignored", None
    if result == uwsgi.SPOOL_RETRY:
        return "retry", {"reason": "it returned SPOOL_RETRY"}
    return "retry", {"reason": "it returned %d" % result}


def read_all(descriptor: int, size: int) -> bytes:
    """A whole file, wherever its offset is. Raises OSError."""
    data = os.pread(descriptor, size, 0)
    if len(data) == size:
        return data
    # Longer than one read can be, or it was cut meanwhile.
    parts = [data]
    at = len(data)
    while at < size:
        part = os.pread(descriptor, size - at, at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        # Task code has closed it already.
        pass


def print_exception(error: BaseException) -> None:
    """To stderr, through sys.excepthook as under uWSGI; without the frames of the worker itself."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OWN_DIRECTORY):
        frames = frames.tb_next
    if frames is not None:
        error.__traceback__ = frames
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException:
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.__stderr__)


def leave(code: int) -> None:
    """Ends this process at once, with its output written: a worker, or a child that task code has
    forked and that came back from it, which is no second worker."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(code)
