import os

from celery import Celery

from work import work

app = Celery("celery_app", broker="redis+socket://%s/redis.sock" % os.environ["PEERS_DIR"])
app.conf.task_ignore_result = True
# A task that a killed worker had taken runs again.
app.conf.task_acks_late = True


@app.task
def task(kind, value):
    work(kind, value)
