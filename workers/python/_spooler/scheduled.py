"""Decorators of uwsgidecorators for functions that a signal or the clock calls."""

import uwsgi

from .absent import warn


def get_free_signal():
    for signum in range(256):
        if not uwsgi.signal_registered(signum):
            return signum
    raise Exception("No free uwsgi signal available")


class signal:
    """@signal(n): the function answers signal n."""

    def __init__(self, num, **kwargs):
        self.num = num
        self.target = kwargs.get("target", "")

    def __call__(self, f):
        uwsgi.register_signal(self.num, self.target, f)
        return f


class _scheduled:
    """A signal of its own, raised by the clock."""

    def __init__(self, **kwargs):
        self.num = kwargs["signum"] if "signum" in kwargs else get_free_signal()
        self.target = kwargs.get("target", "")

    def schedule(self):
        raise NotImplementedError

    def __call__(self, f):
        uwsgi.register_signal(self.num, self.target, f)
        self.schedule()
        return f


class timer(_scheduled):
    """@timer(seconds)"""

    def __init__(self, secs, **kwargs):
        super().__init__(**kwargs)
        self.secs = secs

    def schedule(self):
        uwsgi.add_timer(self.num, self.secs)


class rbtimer(_scheduled):
    """@rbtimer(seconds)"""

    def __init__(self, secs, **kwargs):
        super().__init__(**kwargs)
        self.secs = secs

    def schedule(self):
        uwsgi.add_rb_timer(self.num, self.secs)


class cron(_scheduled):
    """@cron(minute, hour, day, month, weekday)"""

    def __init__(self, minute, hour, day, month, dayweek, **kwargs):
        super().__init__(**kwargs)
        self.minute = minute
        self.hour = hour
        self.day = day
        self.month = month
        self.dayweek = dayweek

    def schedule(self):
        uwsgi.add_cron(self.num, self.minute, self.hour, self.day, self.month, self.dayweek)


class filemon(_scheduled):
    """@filemon(path): the signal is registered, and nothing raises it."""

    def __init__(self, fsobj, **kwargs):
        super().__init__(**kwargs)
        self.fsobj = fsobj

    def schedule(self):
        warn("@filemon", "monitor of files")
