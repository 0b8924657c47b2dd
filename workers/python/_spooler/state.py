"""What the modules `uwsgi` and `uwsgidecorators` share with the worker that runs task code."""

from __future__ import annotations

from .own import BUILTINS as __builtins__

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from .channel import Channel


class Signal:
    """A handler of one of uWSGI's 256 signals."""

    def __init__(self, target: str, handler) -> None:
        self.target = target
        self.handler = handler


class State:
    """One for each process. The worker fills it in before task code is loaded."""

    def __init__(self) -> None:
        self.channel: Channel = None  # type: ignore[assignment]
        self.setup: dict = {}
        self.signals: dict = {}
        self.timers: list = []
        # While modules load, registrations are collected; later each is sent when it is made.
        self.loaded = False
        # Set while a signal's handler runs that is meant for a web worker, as uWSGI would run it.
        self.as_web_worker = False
        # Reads a task that this worker holds itself: another descriptor would drop its lock.
        self.read_held: Callable[[str], "bytes | None"] = lambda path: None

    def registered(self) -> dict:
        handlers = {}
        for number, registered in self.signals.items():
            name = getattr(registered.handler, "__qualname__", None)
            if isinstance(name, str):
                handlers[str(number)] = name
        return {"signals": sorted(self.signals), "handlers": handlers, "timers": self.timers}

    def tell_registered(self) -> None:
        if self.loaded:
            self.channel.send({"type": "registered", **self.registered()})


state = State()
