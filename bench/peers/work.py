"""What the tasks of every queue in Python do."""

import os
import time

directory = os.environ["PEERS_DIR"]
total = int(os.environ["PEERS_TASKS"])
count = 0


def note(name, text):
    with open(os.path.join(directory, name), "a") as out:
        out.write("%s\n" % text)


def work(kind, value):
    """count: nothing, but for the first and the last. latency: notes the seconds since value. mark: notes value."""
    global count
    if kind == "count":
        count += 1
        if count == 1:
            note("first", time.time())
        if count == total:
            note("last", time.time())
    elif kind == "latency":
        note("latencies", time.time() - float(value))
    else:
        note("marks", value)


def play(put, pause=0.2):
    """Puts tasks, as the arguments of the process say, with put(kind, value), and notes the seconds that it took."""
    import sys

    kind, times = sys.argv[1], int(sys.argv[2])
    begin = time.time()
    for n in range(times):
        if kind == "latency":
            time.sleep(pause)
        put(kind, time.time() if kind == "latency" else n)
    note("put", time.time() - begin)
