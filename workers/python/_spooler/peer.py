"""Puts tasks to a server that speaks uwsgi: over connections that stay open, each task with an id, so
that one which has to be sent again is accepted once."""

from __future__ import annotations

import collections
import os

from . import packet, signing
from .new_task import NewTask
from .peer_connection import Lost, PeerConnection
from .put_errors import Refused, SpoolError, Unreachable

# Tasks that are sent before the first of them is answered.
WINDOW = 200
# Idle connections that are kept for the next task.
MOST_IDLE = 4
_TRIES = 3
_NO_NAMES = "%s is a uWSGI or an older version: it does not say names of tasks, as a chain needs them"


class Peer:
    """Threads, greenlets and forks may share it: whoever sends has a connection of its own meanwhile."""

    def __init__(self, address, secret=None, tls=None, timeout: float = 10.0) -> None:
        self._address = address
        self._secret = secret
        self._tls = tls
        self._timeout = timeout
        self._idle: collections.deque = collections.deque()
        self._process = os.getpid()

    def __repr__(self) -> str:
        return str(self._address)

    def put(self, task: NewTask, task_id=None) -> str:
        """Returns the task's id. Raises Refused and Unreachable."""
        return self._put_one(task, task_id, False)

    def put_named(self, task: NewTask, task_id=None) -> str:
        """Returns the task's name. Raises Refused also when the server does not say names: then nothing is
        sent."""
        return self._put_one(task, task_id, True)

    def _put_one(self, task: NewTask, task_id, wants_name: bool) -> str:
        [result] = self.put_many([task], [task_id], wants_name)
        if isinstance(result, Exception):
            raise result
        return result

    def put_many(self, tasks: list, ids=None, wants_names: bool = False) -> list:
        """For each task its id or its name, or the exception that says why it was not accepted."""
        names = [signing.nonce() if each is None else each for each in ids or [None] * len(tasks)]
        results: list = [None] * len(tasks)
        for task in tasks:
            _check(task)
        left = collections.deque(range(len(tasks)))
        failures = 0
        while left:
            before = len(left)
            try:
                self._put_on_one(tasks, names, left, results, wants_names)
            except Lost as error:
                # The others are as old: the server may have been restarted.
                self.close()
                failures = 1 if len(left) < before else failures + 1
                if failures >= _TRIES:
                    return _give_up(left, results, Unreachable("%s; the task may have arrived" % error))
            except Unreachable as error:
                return _give_up(left, results, error)
        return results

    def _put_on_one(self, tasks: list, names: list, left, results: list, wants_names: bool) -> None:
        """Puts what is left over one connection; takes from `left` what is answered."""
        connection = self._take(wants_names)
        if wants_names and not (connection and connection.says_names):
            if connection:
                self._give(connection)
            _give_up(left, results, Refused(_NO_NAMES % self))
            left.clear()
            return
        if connection is None:
            self._put_plainly(tasks, left, results)
            return
        try:
            self._exchange(connection, tasks, names, left, results, wants_names)
        except BaseException:
            connection.close()
            raise
        self._give(connection)

    def _exchange(self, connection, tasks: list, names: list, left, results: list, wants_names: bool) -> None:
        to_send = collections.deque(left)
        sent: collections.deque = collections.deque()
        while left:
            while to_send and connection.unanswered < WINDOW:
                at = to_send.popleft()
                try:
                    connection.send(tasks[at], names[at], wants_names)
                    sent.append(at)
                except Refused as error:
                    results[at] = error
                    left.remove(at)
            # Half of them: what is sent next then goes out in pieces of some size.
            wanted = WINDOW // 2 if to_send else 0
            while connection.unanswered > wanted:
                answer = connection.read_answer()
                at = sent.popleft()
                if answer is None and wants_names:
                    answer = SpoolError("%s accepted this task before, and knows its name no longer" % self)
                results[at] = names[at].decode() if answer is None else answer
                left.remove(at)

    def _put_plainly(self, tasks: list, left, results: list) -> None:
        """To a uWSGI: a connection for each. It knows no ids, so that nothing is sent twice."""
        while left:
            at = left[0]
            connection = self._connect()
            try:
                connection.send_plain(tasks[at])
                results[at] = "accepted"
            except Refused as error:
                results[at] = error
            except Lost as error:
                results[at] = Unreachable("%s; the task may have arrived" % error)
            finally:
                connection.close()
            left.popleft()

    # Connections

    def _take(self, must_answer: bool = False):
        """One that is greeted; None when the server is a uWSGI."""
        if self._process != os.getpid():
            # They are the parent's: closed here they go on there.
            self._process = os.getpid()
            self.close()
        try:
            return self._idle.pop()
        except IndexError:
            pass
        connection = self._connect()
        try:
            if connection.greet(must_answer):
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        if self._secret is not None:
            raise Unreachable("%s is a uWSGI, which cannot prove that it has the secret" % self)
        return None

    def _give(self, connection) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self) -> PeerConnection:
        try:
            return PeerConnection(self._address, self._timeout, self._secret, self._tls)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unreachable("connect to %s: %s" % (self, reason)) from error

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _give_up(left, results: list, error: SpoolError) -> list:
    for at in left:
        results[at] = error
    return results


def _check(task: NewTask) -> None:
    found = packet.decode(task.head)
    reserved = [key for key in found[0] if key in signing.RESERVED] if found else []
    if reserved:
        raise Refused("%s belongs to the protocol" % reserved[0].decode())
