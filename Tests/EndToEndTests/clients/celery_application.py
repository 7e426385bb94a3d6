"""A small Celery application; its broker and its results are at the port that the environment names."""
import os

from celery import Celery

URL = "redis://127.0.0.1:%s/0" % os.environ["KEYWAY_PORT"]
# One hash tag for all keys of the broker: it pops from several queues at once and moves messages between keys.
TAGGED = {"global_keyprefix": "{celery}"}

app = Celery("celery_application", broker=URL, backend=URL)
app.conf.update(
    broker_transport_options=TAGGED, result_backend_transport_options=TAGGED, broker_connection_retry_on_startup=False,
    broker_connection_max_retries=3, worker_prefetch_multiplier=1, task_acks_late=True, redis_socket_timeout=20,
)


@app.task
def add(x, y):
    return x + y


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def fail_twice(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return "third time"


@app.task
def total(numbers):
    return sum(numbers)
