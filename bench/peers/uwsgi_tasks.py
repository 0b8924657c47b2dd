import uwsgi
from uwsgidecorators import spool

from work import work


@spool
def task(args):
    text = {k if isinstance(k, str) else k.decode(): v for k, v in args.items()}
    value = text["value"]
    work(str(text["kind"]), value if isinstance(value, str) else value.decode())
    return uwsgi.SPOOL_OK
