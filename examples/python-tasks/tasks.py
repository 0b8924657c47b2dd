"""The background jobs of a small site: thumbnails, mails, a search index, a nightly report."""

import os
import time

import uwsgi
from uwsgidecorators import cron, spool, spoolforever, spoolraw, timer

OUT = os.path.abspath(os.environ.get("SITE_OUT", "out"))
os.makedirs(OUT, exist_ok=True)


def write(name, text):
    with open(os.path.join(OUT, name), "a") as file:
        file.write(text + "\n")


@spool
def send_mail(env):
    """Keys and body are text. Done when it returns; tried again when it raises."""
    if "@" not in env["to"]:
        raise ValueError("no address: %r" % env["to"])
    write("mails.txt", "to %s: %s" % (env["to"], env["body"]))
    print("sent a mail to", env["to"])


@spool(pass_arguments=True)
def make_thumbnail(path, width=100, height=100):
    """Called with the very arguments it was given; they travel pickled."""
    write("thumbnails.txt", "%s %dx%d" % (path, width, height))
    update_index.spool(path=path)


@spoolraw
def update_index(env):
    """Its return value decides: here it waits until nobody else holds the index."""
    lock = os.path.join(OUT, "index.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return uwsgi.SPOOL_RETRY
    try:
        write("index.txt", env["path"])
    finally:
        os.unlink(lock)
    return uwsgi.SPOOL_OK


@spoolforever
def watch_feed(env):
    """Comes back after every spooler-frequency, until its file is removed."""
    write("feed.txt", "looked at %s" % env["url"])


@spool
def sign_up(env):
    """A task may make others: a mail at once, a thumbnail with priority, a reminder for later."""
    send_mail(to=env["mail"], body="Welcome!")
    make_thumbnail("%s.jpg" % env["name"], width=64, priority="1")
    send_mail(to=env["mail"], body="Still there?", at=str(int(time.time()) + 86400))


@timer(5)
def heartbeat(signum):
    write("heartbeat.txt", "alive")


@cron(0, 3, -1, -1, -1)
def nightly_report(signum):
    write("report.txt", "%d tasks are waiting" % len(uwsgi.spooler_jobs()))
