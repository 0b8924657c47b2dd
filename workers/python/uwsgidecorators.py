"""uWSGI's module `uwsgidecorators`, as spooler provides it: the same tasks, the same keys in them.
docs/python-modules.md lists every name. What it imports is brought along by `import *`, as by uWSGI's."""

import pickle
import sys
from functools import partial
from threading import Thread

import uwsgi
from _spooler.in_thread import in_thread as _in_thread
from _spooler.json_values import TaskValues as _TaskValues
from _spooler.scheduled import cron, filemon, get_free_signal, rbtimer, signal, timer
from _spooler.without_effect import (
    erlang,
    farm,
    farm_loop,
    metric as _metric,
    mule,
    mule_brain,
    mule_brainloop,
    mule_functions,
    mule_msg_dispatcher,
    mulefunc,
    mulemsg,
    mulemsg_loop,
    muleloop,
    rpc,
)

# By name: what @spool and its like have been put in front of. The worker reads this.
spooler_functions: dict = {}
postfork_chain: list = []

# With pass_arguments these keywords are for the spooler; all others are the function's.
_SPOOLER_KEYWORDS = (
    *("message_dict", "spooler", "priority", "at", "body"),
    *("spooler_unique", "spooler_unique_until", "spooler_unique_mode", "spooler_after"),
)


def _encode1(value):
    return value.encode("utf-8") if isinstance(value, str) else value


def _encode_to_spooler(task_vars):
    return {_encode1(key): _encode1(value) for key, value in task_vars.items()}


def _decode1(value):
    """Text wherever it is text. Bytes that are no UTF-8 stay bytes; uWSGI never runs such a task."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    return value


def _decode_from_spooler(task_vars):
    """The same for all names and values: at once, for nearly always all of it is text."""
    try:
        return {
            key if type(key) is str else key.decode(): value.decode()
            for key, value in task_vars.items()
        }
    except (UnicodeDecodeError, AttributeError):
        return {_decode1(key): _decode1(value) for key, value in task_vars.items()}


def manage_spool_request(task_vars):
    """Runs the function that a task names. What `uwsgi.spooler` is unless code sets another."""
    values = _TaskValues(_decode_from_spooler(task_vars))
    pickled = None
    # Both: a key of one's own may well be called args.
    if "args" in values and "kwargs" in values:
        pickles = {_decode1(key): value for key, value in task_vars.items()}
        pickled = [pickle.loads(pickles[key]) for key in ("args", "kwargs")]
        del values["args"], values["kwargs"]
    function = spooler_functions[values["ud_spool_func"]]
    result = function(values) if pickled is None else function(*pickled[0], **pickled[1])
    result = values.get("ud_spool_ret", result)
    # A function that returns nothing has done its work; uWSGI stumbles and runs it again.
    if result is None:
        return uwsgi.SPOOL_OK
    try:
        return int(result)
    except Exception:
        # As it is: the task runs again, and the log says what came in place of a number.
        return result


def postfork_chain_hook():
    for function in postfork_chain:
        function()


uwsgi.spooler = manage_spool_request
uwsgi.post_fork_hook = postfork_chain_hook


class postfork:
    """@postfork, or @postfork(n) for the worker n alone: run when a worker has started."""

    def __init__(self, function_or_worker):
        if callable(function_or_worker):
            self.wid = 0
            self.f = function_or_worker
        else:
            self.wid = function_or_worker
            self.f = None
        postfork_chain.append(self)

    def __call__(self, *args, **kwargs):
        if self.f is None:
            self.f = args[0]
            return None
        if self.wid > 0 and self.wid != uwsgi.worker_id():
            return None
        return self.f()


class _spoolraw:
    """A function as a task: calling it puts a task into the spool."""

    def __init__(self, f, pass_arguments, unique=None, unique_until=None, unique_mode=None):
        # A site that only works through a stream of NATS has no spool of its own.
        enabled = "spooler" in uwsgi.opt or "spooler-stream" in uwsgi.opt
        if not enabled and not uwsgi.spoolers:
            raise Exception(
                "you have to enable the uWSGI spooler to use @%s decorator"
                % self.__class__.__name__
            )
        self.f = f
        self.pass_arguments = pass_arguments
        self.unique = unique
        self.base_dict = {"ud_spool_func": f.__name__}
        if unique_until is not None:
            self.base_dict["spooler_unique_until"] = unique_until
        if unique_mode is not None:
            self.base_dict["spooler_unique_mode"] = unique_mode
        spooler_functions[f.__name__] = f
        f.spool = self.__call__
        f.aspool = self.aspool

    def __call__(self, *args, **kwargs):
        task = dict(self.base_dict)
        if self.unique is not None:
            # One key for all calls, or one of each call's arguments.
            key = self.unique(*args, **kwargs) if callable(self.unique) else self.unique
            if key is not None:
                task["spooler_unique"] = key if isinstance(key, (str, bytes)) else str(key)
        if self.pass_arguments:
            task.update({key: kwargs.pop(key) for key in _SPOOLER_KEYWORDS if key in kwargs})
            task["args"] = pickle.dumps(args)
            task["kwargs"] = pickle.dumps(kwargs)
        else:
            if args:
                task.update(args[0])
            task.update(kwargs)
        return uwsgi.spool(_encode_to_spooler(task))

    def spool(self, *args, **kwargs):
        return self.__call__(*args, **kwargs)

    async def aspool(self, *args, **kwargs):
        """`spool` in a thread, for asyncio. (Not in uWSGI.)"""
        return await _in_thread(self.__call__, *args, **kwargs)


class _spool(_spoolraw):
    def __call__(self, *args, **kwargs):
        self.base_dict["ud_spool_ret"] = str(uwsgi.SPOOL_OK)
        return _spoolraw.__call__(self, *args, **kwargs)


class _spoolforever(_spoolraw):
    def __call__(self, *args, **kwargs):
        self.base_dict["ud_spool_ret"] = str(uwsgi.SPOOL_RETRY)
        return _spoolraw.__call__(self, *args, **kwargs)


def spool_decorate(f=None, pass_arguments=False, _class=_spoolraw, **unique):
    if not f:
        return partial(_class, pass_arguments=pass_arguments, **unique)
    return _class(f, pass_arguments, **unique)


# Not in uWSGI: unique= is a key, or a function that makes one of a call's arguments; while a task with it
# waits, another is not put. unique_until= and unique_mode= are as for spooler_client.Client.put.


def spoolraw(f=None, pass_arguments=False, **unique):
    """The function's return value says what becomes of the task."""
    return spool_decorate(f, pass_arguments, **unique)


def spool(f=None, pass_arguments=False, **unique):
    """Done when the function returns, whatever it returns."""
    return spool_decorate(f, pass_arguments, _spool, **unique)


def spoolforever(f=None, pass_arguments=False, **unique):
    """Run again and again."""
    return spool_decorate(f, pass_arguments, _spoolforever, **unique)


class lock:
    """Runs the function under the lock. In a task it does not run at all, as under uWSGI."""

    def __init__(self, f):
        self.f = f

    def __call__(self, *args, **kwargs):
        if uwsgi.i_am_the_spooler():
            return None
        uwsgi.lock()
        try:
            return self.f(*args, **kwargs)
        finally:
            uwsgi.unlock()


class thread:
    """Calling it runs the function in a thread, which ends with the worker."""

    def __init__(self, f):
        self.f = f

    def __call__(self, *args):
        Thread(target=self.f, args=args, daemon=True).start()
        return self.f


class harakiri:
    """The function runs; the time limit has no effect in a spooler, under uWSGI too."""

    def __init__(self, seconds):
        self.s = seconds

    def real_call(self, *args, **kwargs):
        uwsgi.set_user_harakiri(self.s)
        result = self.f(*args, **kwargs)
        uwsgi.set_user_harakiri(0)
        return result

    def __call__(self, f):
        self.f = f
        return self.real_call


uwsgi.mule_msg_hook = mule_msg_dispatcher


def __getattr__(name):
    """`metric`, which some versions have."""
    if name == "metric":
        return _metric
    raise AttributeError("module %r has no attribute %r" % (__name__, name))
