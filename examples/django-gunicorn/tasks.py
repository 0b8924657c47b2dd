"""The work that no request should wait for. gunicorn imports this to put tasks, a worker to run them."""

from django.core.mail import send_mail
from uwsgidecorators import spool, timer


@spool
def confirm(env):
    if "@" not in env["mail"]:
        raise ValueError("no address: %r" % env["mail"])
    send_mail("Order " + env["number"], "Thank you!", "shop@example.org", [env["mail"]])


@timer(3600)
def sweep(_signum):
    """In a worker of the program; gunicorn's processes ignore it."""
    print("swept")
