"""What uWSGI's modules have and a task worker does not: mules, caches, RPC, metrics, requests.

Nothing of it stops a module from being imported: what it asks for is named in the log, once, and
nothing happens. In a task most of it answers as under a uWSGI in which that was not configured;
where such an answer would hide that work is lost, the call raises. docs/python-modules.md lists all.
"""

from __future__ import annotations

import os

from .raised import calling_line
from .state import state


def _table(**texts: str) -> dict:
    return {name: key for key, names in texts.items() for name in names.split()}


# What each is about, for the log.
_SUBJECTS = _table(
    caches="""cache_clear cache_dec cache_del cache_div cache_exists cache_get cache_inc cache_keys
        cache_mul cache_num cache_set cache_update""",
    mules="mule_get_msg mule_msg",
    queues="""queue_get queue_last queue_pop queue_pull queue_pull_slot queue_push queue_set
        queue_size queue_slot""",
    farms="farm_get_msg farm_msg",
    RPC="register_rpc rpc rpc_list call",
    Erlang="""erlang_connect erlang_recv_message erlang_register_process erlang_rpc
        erlang_send_message""",
    metrics="""metric_dec metric_div metric_get metric_inc metric_mul metric_set metric_set_max
        metric_set_min""",
    SNMP="""snmp_decr_counter32 snmp_decr_counter64 snmp_decr_gauge snmp_incr_counter32
        snmp_incr_counter64 snmp_incr_gauge snmp_set_community snmp_set_counter32
        snmp_set_counter64 snmp_set_gauge""",
    alarms="alarm",
    monitors="add_file_monitor add_probe add_ms_timer signal_received signal_wait",
    legions="lord_scroll scrolls",
)
_SUBJECTS.update(
    dict.fromkeys(
        """sharedarea_dec8 sharedarea_dec16 sharedarea_dec32 sharedarea_dec64 sharedarea_inc8
        sharedarea_inc16 sharedarea_inc32 sharedarea_inc64 sharedarea_inclong
        sharedarea_memoryview sharedarea_object sharedarea_readbyte sharedarea_readlong
        sharedarea_writebyte sharedarea_writelong sharedarea_read sharedarea_read8
        sharedarea_read16 sharedarea_read32 sharedarea_read64 sharedarea_rlock sharedarea_unlock
        sharedarea_wait sharedarea_wlock sharedarea_write sharedarea_write8 sharedarea_write16
        sharedarea_write32 sharedarea_write64""".split(),
        "shared memory",
    )
)
_SUBJECTS.update(
    dict.fromkeys(
        """add_var async_connect async_sleep chunked_read chunked_read_nb cl close connect
        connection_fd disconnect get_logvar green_schedule is_connected listen_queue
        log_this_request logsize offload ready_fd recv route send sendfile set_logvar
        start_response suspend wait_fd_read wait_fd_write websocket_handshake websocket_recv
        websocket_recv_nb websocket_send websocket_send_binary workers""".split(),
        "requests",
    )
)
_SUBJECTS.update(
    dict.fromkeys("embedded_data extract parsefile reload stop".split(), "such call")
)

# What they return: uWSGI 2.0.21's answers in a spooler where nothing of it was configured.
_NOTHING = """add_file_monitor add_ms_timer add_probe alarm cache_clear cache_dec cache_del
    cache_div cache_exists cache_get cache_inc cache_mul cache_set cache_update disconnect
    erlang_register_process farm_msg get_logvar log_this_request lord_scroll metric_dec metric_div
    metric_inc metric_mul metric_set metric_set_max metric_set_min scrolls set_logvar
    snmp_decr_counter32 snmp_decr_counter64 snmp_decr_gauge snmp_incr_counter32
    snmp_incr_counter64 snmp_incr_gauge snmp_set_community snmp_set_counter32
    snmp_set_counter64 snmp_set_gauge"""
QUIET: dict = {
    **dict.fromkeys(_NOTHING.split()),
    "listen_queue": 0,
    "logsize": 0,
    "metric_get": 0,
    "register_rpc": True,
    "rpc_list": (),
    "signal_received": -1,
    "workers": (),
}

# What uWSGI's spooler says, too.
_VALUE_ERRORS = {
    "cache_keys": "no local uWSGI cache available",
    "cache_num": "no local uWSGI cache available",
    "call": "unable to call rpc function",
    "embedded_data": "unable to find the symbol",
    "farm_get_msg": "you can receive farm messages only in a mule !!!",
    "mule_get_msg": "you can receive mule messages only in a mule !!!",
    "mule_msg": "no mule configured",
    "rpc": "unable to call rpc function",
}


def warn(name: str, subject: str) -> None:
    """A line of the log, once for all workers of the spool, with the place in task code."""
    text = "%s: %s has no effect: spooler has no %s (docs/python-modules.md)"
    file, line = calling_line()
    place = "%s:%d" % (os.path.basename(file), line)
    state.channel.notify("warn", message=text % (place, name, subject))


def missing(name: str, why: str) -> NotImplementedError:
    return NotImplementedError("uwsgi.%s: %s (docs/python-modules.md)" % (name, why))


def functions() -> dict:
    """One for each name, for the module uwsgi."""
    return {name: _absent(name, subject) for name, subject in _SUBJECTS.items()}


def _absent(name: str, subject: str):
    def absent(*_args, **_kwargs):
        if not state.loaded or name in QUIET:
            warn("uwsgi." + name, subject)
            return QUIET.get(name)
        if name in _VALUE_ERRORS:
            raise ValueError(_VALUE_ERRORS[name])
        raise missing(name, "spooler has no " + subject)

    absent.__name__ = absent.__qualname__ = name
    absent.__doc__ = "Without effect: spooler has no %s." % subject
    return absent


class Importer:
    """In place of uWSGI's importers, for `sys.meta_path` and `sys.path_hooks`: it finds nothing."""

    def __init__(self, *_args) -> None:
        warn("uwsgi." + type(self).__name__, "code inside of its executable")

    def find_spec(self, _name, _path=None, _target=None):
        return None
