"""The worker's own copies of what task code can change: the built-in functions, the clock, json.

Each module that runs between two tasks takes `BUILTINS` as its `__builtins__`, and its functions keep
them. A task that sets `builtins.len` or `time.time` harms task code, never the worker.
"""

import builtins
import importlib.util
import time
from _thread import RLock, allocate_lock

BUILTINS = dict(vars(builtins))

_clock_gettime = time.clock_gettime
_REALTIME = time.CLOCK_REALTIME
steady = time.perf_counter


def now() -> float:
    """Seconds since the epoch. Not time.time, which tests and libraries replace."""
    return _clock_gettime(_REALTIME)


def _copy_of(name: str):
    """A module of the standard library a second time, with built-in functions of its own."""
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__builtins__"] = BUILTINS
    spec.loader.exec_module(module)
    return module


encode_json = _copy_of("json.encoder").JSONEncoder(separators=(",", ":")).encode
decode_json = _copy_of("json.decoder").JSONDecoder().decode


class Condition:
    """As much of threading.Condition as the channel needs. In a `with`, it may be entered again."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._waiting: list = []

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_raised) -> None:
        self._lock.release()

    def wait(self) -> None:
        """Within `with`: gives the lock away until it is notified."""
        turn = allocate_lock()
        turn.acquire()
        self._waiting.append(turn)
        self._lock.release()
        try:
            turn.acquire()
        finally:
            self._lock.acquire()

    def notify_all(self) -> None:
        """Within `with`: everybody who waits goes on."""
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            turn.release()
