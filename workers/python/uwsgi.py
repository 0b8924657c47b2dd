"""uWSGI's module `uwsgi`, as spooler provides it: what spooler functions use works as under the
Python 3 plugin of uWSGI 2.0, bytes and str included; the rest says by name that it is not there.
docs/python.md has the table."""

from __future__ import annotations

import operator as _operator
import os as _os
import resource as _resource
import socket as _socket
import time as _time

from _spooler import packet as _packet
from _spooler.channel import CallFailed as _CallFailed
from _spooler.state import Signal as _Signal
from _spooler.state import state as _state

SPOOL_RETRY = -1
SPOOL_OK = -2
SPOOL_IGNORE = 0

# The uWSGI that this module behaves like; spooler_version is the program's own.
version = b"2.0.21-spooler"
version_info = (2, 0, 21, 0, b"spooler")
spooler_version = ""

opt: dict = {}
spoolers: tuple = ()
hostname = b""
numproc = 1
cores = 1
has_threads = 1
buffer_size = 65536
started_on = int(_time.time())
is_a_reload = False
magic_table: dict = {}
sockets: list = []
applications = None
unbit = None
loop = None


class Permanent(Exception):
    """Raised by a task that will not get better by trying again. (Not in uWSGI.)"""


def _begin(setup: dict) -> None:
    """The worker's: makes this module say what the program has told."""
    module = globals()
    module["opt"] = _options(setup["options"])
    module["spoolers"] = tuple(_os.fsencode(each) for each in setup["spools"])
    module["hostname"] = setup["hostname"].encode()
    module["numproc"] = setup["processes"]
    module["spooler_version"] = setup["version"]


def _options(pairs: list) -> dict:
    # uWSGI 2.0.21 keeps the last of repeated options only; the list is what it promises and later has.
    options: dict = {}
    for name, text in pairs:
        value = True if text is True else text.encode("utf-8", "surrogateescape")
        if name not in options:
            options[name] = value
        elif isinstance(options[name], list):
            options[name].append(value)
        else:
            options[name] = [options[name], value]
    return options


# Tasks


def spool(*args, **kwargs):
    """Puts a task into a spool: one dictionary of bytes. Returns the path of its file."""
    task = args[0] if args else kwargs
    if not isinstance(task, dict) or (not args and not kwargs):
        raise ValueError("The argument of spooler callable must be a dictionary")
    body = task.get(b"body")
    if isinstance(body, bytes):
        # As uWSGI does, for code that looks at its dictionary afterwards.
        del task[b"body"]
    else:
        body = b""
    items = [(_spool_key(key), _spool_value(value)) for key, value in task.items()]
    try:
        head = _packet.encode(items)
        name = _state.channel.call("spool", head + body, bodySize=len(body))
    except (ValueError, _CallFailed) as error:
        raise ValueError("unable to spool job: %s" % error) from None
    return _os.fsencode(_os.path.join(_state.setup["spool"], name))


send_to_spooler = spool

_ONLY_BYTES = "spooler callable dictionary must contains only bytes"


def _spool_key(key):
    if not isinstance(key, bytes):
        raise ValueError("%s, not the key %r" % (_ONLY_BYTES, key))
    return key


def _spool_value(value):
    """Bytes, and whatever turns into bytes by itself, as uWSGI takes it."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, (str, int)):
        try:
            return bytes(value)
        except (TypeError, ValueError):
            pass
    raise ValueError("%s, not a value of type %s" % (_ONLY_BYTES, type(value).__name__))


def spooler_jobs():
    """Paths of all task files that wait or run, as bytes."""
    jobs = []
    for directory in spoolers:
        jobs += _jobs_in(directory)
        for entry in _entries(directory):
            if entry.name.isdigit() and entry.is_dir(follow_symlinks=False):
                jobs += _jobs_in(entry.path)
    return jobs


def _jobs_in(directory: bytes) -> list:
    prefix = b"uwsgi_spoolfile_on_"
    return [entry.path for entry in _entries(directory) if entry.name.startswith(prefix)]


def _entries(directory: bytes) -> list:
    try:
        with _os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def spooler_get_task(path):
    """What `uwsgi.spooler` would get for a task file, with its path as the name; or None."""
    if not isinstance(path, str):
        kind = type(path).__name__
        raise TypeError("spooler_get_task() argument 1 must be str, not %s" % kind)
    data = _state.read_held(path)
    if data is None:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return None
    found = _packet.decode(data)
    if found is None:
        return None
    task_vars, end = found
    task = {"spooler_task_name": _os.fsencode(path)}
    task.update(task_vars)
    if len(data) > end:
        task["body"] = data[end:]
    return task


_SHORTEST_FREQUENCY = 0.05


def set_spooler_frequency(seconds):
    """spooler-frequency of this spool from now on."""
    _ask("frequency", seconds=max(_operator.index(seconds), _SHORTEST_FREQUENCY))
    return True


def spooler_pids():
    """Process ids of the workers of this spool."""
    return _ask("pids")


def spooler_pid():
    return next(iter(spooler_pids()), 0)


def _ask(method: str, **args):
    try:
        return _state.channel.call(method, **args)
    except _CallFailed as error:
        raise ValueError("uwsgi: %s: %s" % (method, error)) from None


# Signals and timers


def register_signal(signum, target, handler):
    """Which function answers a signal. Targets are uWSGI's; any worker of the spool may run it."""
    number = _signal_number(signum)
    if not isinstance(target, str):
        kind = type(target).__name__
        raise TypeError("register_signal() argument 2 must be str, not %s" % kind)
    if number in _state.signals:
        raise ValueError("unable to register signal: %d has a handler already" % number)
    _state.signals[number] = _Signal(target, handler)
    _state.tell_registered()


def signal_registered(signum):
    """True, or None as under uWSGI."""
    return True if _signal_number(signum) in _state.signals else None


def signal(signum, node=None):
    """Raises a signal, as a timer would."""
    if node is not None:
        raise _missing("signal", "to another node is not supported")
    _ask("signal", signal=_signal_number(signum))


def add_timer(signum, seconds):
    _add_timer(kind="timer", signal=_signal_number(signum), seconds=_operator.index(seconds))


def add_rb_timer(signum, seconds, iterations=0):
    _add_timer(
        kind="rbtimer",
        signal=_signal_number(signum),
        seconds=_operator.index(seconds),
        iterations=_operator.index(iterations),
    )


def add_cron(signum, minute, hour, day, month, week):
    """-1 is every, -2 and less every second and so on, as in the ini."""
    _add_timer(
        kind="cron",
        signal=_signal_number(signum),
        minute=_operator.index(minute),
        hour=_operator.index(hour),
        day=_operator.index(day),
        month=_operator.index(month),
        weekday=_operator.index(week),
    )
    return True


def _add_timer(**timer):
    registered = _state.signals.get(timer["signal"])
    name = getattr(registered and registered.handler, "__name__", None)
    if isinstance(name, str):
        # What people see; a function may well be named the same every time.
        timer["name"] = name
    _state.timers.append(timer)
    _state.tell_registered()


def _signal_number(signum) -> int:
    # uWSGI's C function keeps the low byte.
    return _operator.index(signum) & 0xFF


# Locks


def lock(number=0):
    """Waits until no other worker of the program has the lock."""
    _ask("lock", lock=_lock_number(number))


def unlock(number=0):
    _ask("unlock", lock=_lock_number(number))


def is_locked(number=0):
    return _ask("locked", lock=_lock_number(number))


def _lock_number(number) -> int:
    """`locks = N` of the ini makes N more than the one there always is."""
    value = _operator.index(number)
    try:
        more = int(opt.get("locks", 0))
    except (TypeError, ValueError):
        more = 0
    if not 0 <= value <= more:
        raise ValueError("Invalid lock number")
    return value


# Packets to other programs


def send_message(address, modifier1=0, modifier2=0, message=b"", timeout=4, *_rest):
    """Sends a uwsgi packet: a dictionary as vars, bytes or str as they are.

    For modifier1 17, a task: True when it was accepted, False when it was refused. For all others
    the bytes of the answer. Raises OSError when the peer cannot be reached or does not answer.
    """
    data = _message_bytes(message, modifier1, modifier2)
    with _connect(address, timeout) as peer:
        peer.sendall(data)
        if modifier1 == _packet.MODIFIER_SPOOL:
            return _receive(peer, _packet.HEADER_SIZE) == b"\xff\0\0\x01"
        return _receive(peer, None)


def _message_bytes(message, modifier1, modifier2) -> bytes:
    if isinstance(message, dict):
        items = [(_text_bytes(key), _text_bytes(value)) for key, value in message.items()]
        return _packet.encode(items, modifier1, modifier2)
    data = _text_bytes(message if message is not None else b"")
    if len(data) > _packet.LARGEST:
        raise ValueError("a packet holds %d bytes, not %d" % (_packet.LARGEST, len(data)))
    return bytes([modifier1]) + len(data).to_bytes(2, "little") + bytes([modifier2]) + data


def _text_bytes(value) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _connect(address, timeout):
    text = _os.fsdecode(address)
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit():
        return _socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout)
    peer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        peer.settimeout(timeout)
        peer.connect(text)
    except BaseException:
        peer.close()
        raise
    return peer


def _receive(peer, count) -> bytes:
    """`count` bytes, or all there are."""
    received = b""
    while count is None or len(received) < count:
        part = peer.recv(65536 if count is None else count - len(received))
        if not part:
            break
        received += part
    return received


# This process


def log(message):
    """A line in the log."""
    if not isinstance(message, str):
        raise TypeError("log() argument 1 must be str, not %s" % type(message).__name__)
    _state.channel.tell("log", message=message)
    return True


def masterpid():
    return _state.setup["master"]


def worker_id():
    """0, as in uWSGI's spooler. In the handler of a signal: which worker of its spool this is."""
    return _state.setup["worker"] if _state.as_web_worker else 0


def i_am_the_spooler():
    """True, or None as under uWSGI in the handler of a signal that is not for the spooler."""
    return None if _state.as_web_worker else True


def i_am_the_lord(_legion):
    return False


def mule_id():
    return 0


def in_farm(_name=None):
    return None


def total_requests():
    return 0


def request_id():
    return 0


def mem():
    """Resident and virtual size in bytes."""
    try:
        with open("/proc/self/statm") as file:
            virtual, resident = file.read().split()[:2]
        page = _resource.getpagesize()
        return (int(resident) * page, int(virtual) * page)
    except (OSError, ValueError):
        return (_resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss * 1024, 0)


def micros():
    return int(_time.time() * 1_000_000)


def setprocname(_name):
    """Accepted; the process keeps its name."""


def set_user_harakiri(_seconds):
    """Accepted; without effect in a spooler, under uWSGI too. spooler-harakiri ends what hangs."""


def set_warning_message(_message):
    return True


def ready():
    return True


def accepting():
    """Accepted: a task worker accepts no requests."""


# What is not there


def _missing(name: str, why: str = "is not provided by spooler") -> NotImplementedError:
    return NotImplementedError("uwsgi.%s %s (docs/python.md lists what is)" % (name, why))


def _refuse(name: str):
    def refused(*_args, **_kwargs):
        raise _missing(name)

    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = "Raises NotImplementedError: spooler does not provide it."
    return refused


_NOT_PROVIDED = """
    SymbolsImporter SymbolsZipImporter ZipImporter
    add_file_monitor add_probe add_ms_timer add_var alarm async_connect async_sleep
    cache_clear cache_dec cache_del cache_div cache_exists cache_get cache_inc cache_keys cache_mul
    cache_num cache_set cache_update call chunked_read chunked_read_nb cl close connect
    connection_fd disconnect embedded_data erlang_connect erlang_recv_message
    erlang_register_process erlang_rpc erlang_send_message extract farm_get_msg farm_msg
    get_logvar green_schedule is_connected listen_queue log_this_request logsize lord_scroll
    metric_dec metric_div metric_get metric_inc metric_mul metric_set metric_set_max
    metric_set_min mule_get_msg mule_msg offload parsefile ready_fd recv register_rpc reload route
    rpc rpc_list scrolls send sendfile set_logvar signal_received signal_wait start_response stop
    suspend wait_fd_read wait_fd_write websocket_handshake websocket_recv websocket_recv_nb
    websocket_send websocket_send_binary workers
    sharedarea_dec8 sharedarea_dec16 sharedarea_dec32 sharedarea_dec64 sharedarea_inc8
    sharedarea_inc16 sharedarea_inc32 sharedarea_inc64 sharedarea_memoryview sharedarea_object
    sharedarea_read sharedarea_read8 sharedarea_read16 sharedarea_read32 sharedarea_read64
    sharedarea_rlock sharedarea_unlock sharedarea_wait sharedarea_wlock sharedarea_write
    sharedarea_write8 sharedarea_write16 sharedarea_write32 sharedarea_write64
    snmp_decr_counter32 snmp_decr_counter64 snmp_decr_gauge snmp_incr_counter32
    snmp_incr_counter64 snmp_incr_gauge snmp_set_community snmp_set_counter32
    snmp_set_counter64 snmp_set_gauge
""".split()

for _name in _NOT_PROVIDED:
    globals()[_name] = _refuse(_name)
del _name
