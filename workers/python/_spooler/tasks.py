"""Runs tasks: claim the file, read it, call the function, remove the file; batches of them.

What was done is reported in batches. Every other fate is the program's to decide: the file stays open
and locked until it says that the fate is on disk.
"""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import collections
import os
import signal
import sys
from errno import ENOENT
from os import unlink

import uwsgi

from .began import BeganNote
from .channel import Channel
from .claim import TooLarge, claim, close, read_all, read_task
from .descriptors import LowDescriptors
from .origin import code_of
from .output import Output
from .own import steady
from .raised import one_line, print_exception, type_name
from .state import state

# How long an answer may wait for others, and the socket for a glance: seconds.
PATIENCE = 0.005

# What uWSGI's C code means, whatever task code sets in its module.
SPOOL_OK, SPOOL_RETRY, SPOOL_IGNORE = -2, -1, 0

_Permanent = uwsgi.Permanent
_exit = os._exit
_alarm = signal.alarm


class TaskRunner:
    def __init__(
        self, channel: Channel, output: Output, descriptors: LowDescriptors, began: BeganNote
    ) -> None:
        self._channel = channel
        self._began = began
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
        self._clears_alarm = False
        state.read_held = self._read_held

    def begin(self) -> None:
        """The modules are loaded: what they have set up stays, what a task sets up goes with it."""
        self._output.keep()
        self._clears_alarm = signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def catch_all(self) -> bool:
        """Whether code has set `uwsgi.spooler` to a function of its own."""
        spooler = uwsgi.__dict__.get("spooler")
        return spooler is not None and spooler is not self._manage_request()

    def functions(self) -> list:
        return [] if self.catch_all() or not self._decorators else [*self._known_functions()]

    def origins(self) -> dict:
        """The file and line of each function, where Python knows them."""
        codes = {name: code_of(function) for name, function in self._known_functions().items()}
        return {
            name: f"{code.co_filename}:{code.co_firstlineno}"
            for name, code in codes.items()
            if code is not None
        }

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

    def work(self, glance) -> None:
        """Runs all there is. Calls `glance` now and then, for what the program says meanwhile."""
        at = glanced = steady()
        while self._queue:
            if at - glanced > PATIENCE:
                glance()
                glanced = at
                if not self._queue:
                    break
            if self._answers and at - self._first_answer > PATIENCE:
                self.send_answers()
            task, chosen = self._queue.popleft()
            kind, func, details = self._run(task, chosen)
            ended = steady()
            # Whole microseconds; round() would go by way of text.
            self._answer(task, kind, func, int(1000000 * (ended - at)) / 1000, details)
            at = ended
        self.send_answers()

    def _answer(self, task: str, kind: str, func: str, took: float, details) -> None:
        """Tasks that were done one after the other by the same function are one answer."""
        if kind == "done" and func == self._done_func:
            self._done_took.append(took)
            return
        if not self._answers:
            self._first_answer = steady()
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
        task_bytes = task.encode("utf-8", "surrogateescape")
        path = self._prefix + task_bytes
        if task in self._held:
            return "busy", "", None
        try:
            claimed = claim(path, self._descriptors)
        except OSError as error:
            return "gone" if error.errno == ENOENT else "inspect", "", None
        if isinstance(claimed, str):
            return claimed, "", None
        descriptor, size = claimed
        hold = chosen
        name = ""
        try:
            found = read_task(descriptor, size)
            if found is None:
                hold = False
                return "inspect", "", None
            task_vars, body = found
            func = task_vars.get(b"ud_spool_func", b"")
            name = func.decode("utf-8", "replace")
            if not chosen and not self._is_mine(func, name):
                return "elsewhere", name, None
            environment = {"spooler_task_name": path.rpartition(b"/")[2], **task_vars}
            if body:
                environment["body"] = body
            del task_vars, body, found
            self._current = (path, descriptor)
            self._began.begin(task_bytes)
            kind, details = self._call(task, name, environment)
            if kind == "done" and not chosen:
                try:
                    unlink(path)
                except FileNotFoundError:
                    # Its own function has removed it.
                    pass
                except OSError:
                    # It must not run again: the program sees to that.
                    kind = "kept"
            hold = hold or kind in ("kept", "retry", "failed", "permanent")
            return kind, name, details
        except TooLarge as error:
            hold = True
            return "permanent", name, {"reason": str(error)}
        except MemoryError:
            hold = True
            return "failed", name, {"reason": "no memory for its %d bytes" % size}
        except OSError:
            # The file cannot be read.
            hold = False
            return "inspect", "", None
        finally:
            self._current = ("", -1)
            if hold:
                self._held[task] = descriptor
            else:
                close(descriptor)

    def _is_mine(self, func: bytes, name: str) -> bool:
        if func in self._names:
            return False
        if self.catch_all():
            return self._alone
        return self._decorators is not None and name in self._known_functions()

    def _call(self, task: str, name: str, environment: dict) -> tuple:
        current = self._task
        current.begin(task, name)
        try:
            spooler = getattr(uwsgi, "spooler", None)
            if spooler is None:
                # The program insists, and no module here has a function for it.
                return "elsewhere", None
            return outcome(spooler(environment))
        except BaseException as error:
            print_exception(error)
            if self._channel.forked:
                leave(1)
            self._output.flush()
            kind = "permanent" if issubclass(type(error), _Permanent) else "failed"
            stderr = current.stderr.decode("utf-8", "replace")
            return kind, {"reason": one_line(error), "stderr": stderr}
        finally:
            if self._channel.forked:
                leave(0)
            if self._clears_alarm:
                # One that a task has set would end the next.
                _alarm(0)
            self._output.flush()
            self._output.restore()
            current.end()

    def _read_held(self, path: str) -> bytes | None:
        """A task file that is claimed here, read without opening it again."""
        wanted = os.path.abspath(os.fsencode(path))
        held = [self._current]
        for task, descriptor in self._held.items():
            held.append((self._prefix + task.encode("utf-8", "surrogateescape"), descriptor))
        for each, descriptor in held:
            if each and os.path.abspath(each) == wanted:
                return read_all(descriptor, 0, os.fstat(descriptor).st_size)
        return None


def outcome(result) -> tuple:
    """What a return value of `uwsgi.spooler` means; as uWSGI, but that nothing is no failure."""
    if result is None:
        return "done", None
    if not issubclass(type(result), int):
        return "retry", {"reason": "it returned %s, not a number" % type_name(result)}
    value = int.__int__(result)
    if value == SPOOL_OK:
        return "done", None
    if value == SPOOL_IGNORE:
        return "ignored", None
    if value == SPOOL_RETRY:
        return "retry", {"reason": "it returned SPOOL_RETRY"}
    return "retry", {"reason": "it returned %s" % number_text(value)}


def number_text(value: int) -> str:
    """Python refuses to write thousands of decimal digits."""
    return "%d" % value if abs(value) < 1 << 64 else "a number of %d bits" % value.bit_length()


def leave(code: int) -> None:
    """Ends this process at once, with its output written: a worker, or a child that task code has
    forked and that came back from it, which is no second worker."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass
    _exit(code)
