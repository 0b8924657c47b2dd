from celery_app import task
from work import play

play(lambda kind, value: task.delay(kind, value))
