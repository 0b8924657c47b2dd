"""A task worker from its start to its end: connect, load the modules, then do what comes."""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import atexit
import faulthandler
import gc
import glob
import os
import signal
import sys
import traceback

import uwsgi

from .began import BeganNote
from .channel import Channel, Closed
from .descriptors import LowDescriptors
from .loader import LoadFailed, load_all, source_files
from .output import CurrentTask, Output
from .state import state
from .tasks import TaskRunner, leave
from .raised import one_line, print_exception


class Stop(Exception):
    """The program has asked this worker to end."""


def die_with_parent() -> None:
    """Has the kernel end this process when the program dies: an endless loop never reads its socket."""
    PR_SET_PDEATHSIG = 1
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        # Then the worker ends when its connection closes.
        pass


def main(arguments: list) -> None:
    """Does not return. `arguments` are directories for sys.path behind --path and --base."""
    die_with_parent()
    # A stop's SIGINT ends this process like its SIGTERM; a KeyboardInterrupt would fail the task.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    descriptors = LowDescriptors()
    faulthandler.enable(2)
    socket_path = os.environ.pop("SPOOLER_SOCKET")
    channel = Channel(socket_path)
    state.channel = channel
    began = BeganNote(os.path.join(os.path.dirname(socket_path), "began"))
    try:
        Worker(channel, descriptors, began).run(arguments)
    except Stop:
        end(0)
    except Closed:
        end(1)
    except BaseException:
        # A signal handler of task code, for one, that raises between two tasks.
        traceback.print_exc()
        end(1)


class Worker:
    def __init__(
        self, channel: Channel, descriptors: LowDescriptors, began: BeganNote
    ) -> None:
        self._channel = channel
        self._began = began
        self._descriptors = descriptors
        self._output = Output(channel, CurrentTask())

    def run(self, arguments: list) -> None:
        version = ".".join(str(part) for part in sys.version_info[:3])
        language = "python %s" % version
        self._channel.send({"type": "hello", "pid": os.getpid(), "language": language})
        state.setup = self._await_setup()
        self._channel.calls_path = state.setup["calls"]
        uwsgi._begin(state.setup)
        sys.argv[:] = ["uwsgi", *arguments_of_code()]
        sys.path[1:1] = search_path(arguments)
        self._tasks = TaskRunner(
            self._channel, self._output, self._descriptors, self._began
        )
        self._load()
        while True:
            self._handle(self._channel.next())
            self._tasks.work(self._glance)

    def _await_setup(self) -> dict:
        message = self._channel.next()
        if message["type"] == "stop":
            raise Stop
        return message

    def _load(self) -> None:
        modules = state.setup["modules"]
        try:
            self._warn_of(load_all(modules))
            hook = getattr(uwsgi, "post_fork_hook", None)
            if hook is not None:
                self._post_fork(hook)
        except LoadFailed as failure:
            self._leave_forked()
            self._output.flush()
            head = {"type": "load-failed", "message": failure.line, "trace": failure.trace}
            self._channel.send({**head, "files": source_files(modules)})
            end(1)
        self._leave_forked()
        self._output.flush()
        # Loaded code stays, so garbage collection need not scan it again.
        gc.collect()
        gc.freeze()
        catch_all = self._tasks.catch_all()
        self._tasks.begin()
        state.loaded = True
        self._channel.send(
            {
                "type": "loaded",
                "functions": self._tasks.functions(),
                "catchAll": catch_all,
                "origins": self._tasks.origins(),
                "files": source_files(modules),
                **state.registered(),
            }
        )

    def _warn_of(self, failures: list) -> None:
        """Of web applications that could not be loaded: once for all workers of the spool."""
        for failure in failures:
            self._channel.notify("warn", message=failure.line)
            if state.setup["worker"] == 1:
                print(*failure.trace, sep="\n", file=sys.stderr)

    def _post_fork(self, hook) -> None:
        """uWSGI runs the functions of @postfork in each process; what they raise is only printed."""
        try:
            hook()
        except BaseException as error:
            print_exception(error)

    def _leave_forked(self) -> None:
        if self._channel.forked:
            os._exit(0)

    def _glance(self) -> None:
        while True:
            message = self._channel.next_now()
            if message is None:
                return
            self._handle(message)

    def _handle(self, message: dict) -> None:
        kind = message["type"]
        if kind == "run":
            self._tasks.give(message)
        elif kind == "release":
            self._tasks.release(message["task"])
        elif kind == "signal":
            self._tasks.send_answers()
            self._run_signal(message["id"], message["signal"])
        elif kind == "stop":
            self._tasks.send_answers()
            raise Stop

    def _run_signal(self, call_id: int, number: int) -> None:
        done = {"type": "signal-done", "id": call_id}
        registered = state.signals.get(number)
        if registered is None:
            error = "signal %d has no handler" % number
            self._channel.send({**done, "error": error})
            return
        state.as_web_worker = registered.target != "spooler"
        self._output.task.stderr = b""
        try:
            registered.handler(number)
        except BaseException as raised:
            print_exception(raised)
            done["error"] = one_line(raised)
        finally:
            state.as_web_worker = False
            self._leave_forked()
            self._output.flush()
        self._channel.send(done)


def search_path(arguments: list) -> list:
    """In the order that uWSGI gives `pythonpath` lines: the last is searched first. Then come the
    working directory and the ini's, which are one unless the ini says otherwise."""
    paths: list = []
    bases: list = []
    for flag, pattern in zip(arguments[::2], arguments[1::2]):
        if flag == "--path":
            paths += sorted(glob.glob(pattern)) or [pattern]
        else:
            bases.append(pattern)
    return [*paths[::-1], os.getcwd(), *bases]


def arguments_of_code() -> list:
    """`pyargv` of the ini, split at spaces as by uWSGI."""
    given = uwsgi.opt.get("pyargv", b"")
    last = given[-1] if isinstance(given, list) else given
    return [] if last is True else last.decode("utf-8", "replace").split()


def end(code: int) -> None:
    """Runs what code has asked to be run at the end, but waits for no thread."""
    try:
        hook = getattr(uwsgi, "atexit", None)
        if hook is not None:
            hook()
    except BaseException:
        traceback.print_exc()
    try:
        atexit._run_exitfuncs()
    except BaseException:
        # What they raise was printed.
        pass
    leave(code)
