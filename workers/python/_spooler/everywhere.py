"""What the module `uwsgi` has in a worker and outside of one alike."""

import resource as _resource
import time as _time

from . import absent as _absent

SPOOL_RETRY = -1
SPOOL_OK = -2
SPOOL_IGNORE = 0

# The uWSGI that the module behaves like; spooler_version is the program's own.
version = b"2.0.21-spooler"
version_info = (2, 0, 21, 0, b"spooler")

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

    __module__ = "uwsgi"


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


# What a task worker does not have


class SymbolsImporter(_absent.Importer):
    pass


class SymbolsZipImporter(_absent.Importer):
    pass


class ZipImporter(_absent.Importer):
    pass


globals().update(_absent.functions())
