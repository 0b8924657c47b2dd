"""A client and a worker of beanstalkd, in its protocol."""

import json
import socket
import sys

from work import play, work

connection = socket.create_connection(("127.0.0.1", int(sys.argv.pop(1))))
stream = connection.makefile("rwb")


def command(line, data=b""):
    stream.write(line.encode() + b"\r\n" + data)
    stream.flush()
    return stream.readline().decode().split()


def put(kind, value):
    body = json.dumps([kind, value]).encode()
    if command("put 0 0 60 %d" % len(body), body + b"\r\n")[0] != "INSERTED":
        raise SystemExit("refused")


if sys.argv[1] == "work":
    while True:
        _, job, size = command("reserve")
        body = stream.read(int(size) + 2)
        work(*json.loads(body))
        command("delete " + job)
else:
    play(put)
