"""How many tasks a second one Python process puts into a directory, what of a processor each costs, and a
loop beside it that only writes files:

    python3 bench/python_client.py [DIR] [COUNT]
"""

import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workers", "python"))

from spooler_client import Client  # noqa: E402

ROUNDS = 5


def rate(count, put):
    """A second, and microseconds of processor for each."""
    start, cpu = time.perf_counter(), time.process_time()
    for n in range(count):
        put(n)
    spent = time.process_time() - cpu
    return count / (time.perf_counter() - start), spent / count * 1e6


def main(directory=None, count="20000"):
    scratch = tempfile.mkdtemp(dir=directory)
    spool = os.path.join(scratch, "spool")
    raw = os.path.join(scratch, "raw")
    os.makedirs(os.path.join(spool, ".spooler", "tmp"))
    os.mkdir(raw)
    client = Client(spool, sync=False)
    bytes_of_task = b"x" * 70

    def put(n):
        client.put("send_mail", {"to": "ann@example.org", "number": str(n)})

    def write(n):
        path = os.path.join(raw, "uwsgi_spoolfile_on_host_%d_%d" % (n, time.time_ns()))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, bytes_of_task)
        os.close(descriptor)

    try:
        for _ in range(ROUNDS):
            (writes, write_cpu), (puts, put_cpu) = rate(int(count), write), rate(int(count), put)
            text = "%6d puts/s, %4.1f µs of processor each; %6d files/s, %4.1f µs"
            print(text % (puts, put_cpu, writes, write_cpu))
        durable = Client(spool)
        print("%6d puts/s, synced" % rate(100, lambda n: durable.put("send_mail", {"number": n}))[0])
        start = time.perf_counter()
        durable.put_many([("send_mail", {"number": n}) for n in range(1000)])
        print("%6d puts/s, put_many, synced" % (1000 / (time.perf_counter() - start)))
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main(*sys.argv[1:])
