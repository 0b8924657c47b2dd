from redis import Redis
from rq import Queue

from work import play

queue = Queue(connection=Redis(unix_socket_path="redis.sock"))
play(lambda kind, value: queue.enqueue("work.work", kind, value, result_ttl=0))
