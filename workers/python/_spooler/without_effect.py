"""Decorators of uwsgidecorators for what a task worker does not have: the function stays a function, and
the log says so once."""

import pickle

import uwsgi

from .absent import warn


class WithoutEffect:
    _subject = ""

    def __init__(self, *_args, **_kwargs):
        warn("@" + type(self).__name__, self._subject)

    def __call__(self, f=None, *_args, **_kwargs):
        return f


class rpc(WithoutEffect):
    _subject = "RPC"


class erlang(WithoutEffect):
    _subject = "Erlang"


class metric(WithoutEffect):
    _subject = "metrics"


class mule(WithoutEffect):
    _subject = "mules"


class muleloop(mule):
    pass


class mulemsg(mule):
    pass


class mulemsg_loop(mule):
    pass


class mule_brain(mule):
    pass


class mule_brainloop(mule_brain):
    pass


class farm(WithoutEffect):
    _subject = "farms"


class farm_loop(farm):
    pass


mule_functions: dict = {}


class mulefunc:
    """@mulefunc, or @mulefunc(n): calling it raises ValueError, as under a uWSGI without mules."""

    def __init__(self, function_or_mule):
        warn("@mulefunc", "mules")
        self.mule = 0
        self.fname = None
        if callable(function_or_mule):
            self(function_or_mule)
        else:
            self.mule = function_or_mule

    def real_call(self, *args, **kwargs):
        message = {"service": "uwsgi_mulefunc", "func": self.fname, "args": args}
        uwsgi.mule_msg(pickle.dumps({**message, "kwargs": kwargs}), self.mule)

    def __call__(self, *args, **kwargs):
        if self.fname is not None:
            return self.real_call(*args, **kwargs)
        self.fname = args[0].__name__
        mule_functions[self.fname] = args[0]
        return self.real_call


def mule_msg_dispatcher(message):
    """What a mule would run. Nothing here calls it."""
    wanted = pickle.loads(message)
    if wanted["service"] == "uwsgi_mulefunc":
        return mule_functions[wanted["func"]](*wanted["args"], **wanted["kwargs"])
    return None
