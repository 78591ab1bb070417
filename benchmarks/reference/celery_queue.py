"""Celery on Redis as a rival of the queue: tasks that do nothing, late acknowledgement, results kept.

Answers one JSON line to each request line: {"do": "enqueue" | "drain" | "latency", "jobs": n}.
"""

import json
import os
import subprocess
import sys
import time

import redis
from celery import Celery

PORT = os.environ["REDIS_PORT"]
URL = f"redis://127.0.0.1:{PORT}/0"
PROMPT = "a red panda in a green forest, morning light, wide angle, soft colours, high detail"

app = Celery("celery_queue", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    # With 1, and late acknowledgement, a drain is bound by waiting; 4 is what Celery itself takes by default.
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    broker_pool_limit=10,
)


@app.task(bind=True, max_retries=3, default_retry_delay=5)
def draw(self, prompt, seed):
    return time.time()


def start_worker():
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_queue", "worker", "-c", "2", "-l", "error"]
        + ["--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return worker


def stop_worker(worker):
    worker.terminate()
    worker.wait()


def enqueue(jobs):
    draw.delay(PROMPT, 0)
    start = time.perf_counter()
    for seed in range(jobs):
        draw.delay(PROMPT, seed)
    return {"perSecond": jobs / (time.perf_counter() - start)}


def drain(jobs):
    client = redis.Redis(port=int(PORT))
    client.flushall()
    results = [draw.delay(PROMPT, seed) for seed in range(jobs)]
    worker = start_worker()
    try:
        ends = sorted(result.get(timeout=300, disable_sync_subtasks=False) for result in results)
    finally:
        stop_worker(worker)
    return {"perSecond": (jobs - 1) / (ends[-1] - ends[0])}


def latency(jobs):
    client = redis.Redis(port=int(PORT))
    client.flushall()
    worker = start_worker()
    try:
        draw.delay(PROMPT, 0).get(timeout=60)
        times = []
        for seed in range(jobs):
            start = time.time()
            times.append((draw.delay(PROMPT, seed).get(timeout=60) - start) * 1000)
            time.sleep(0.02)
    finally:
        stop_worker(worker)
    return {"ms": times}


if __name__ == "__main__":
    actions = {"enqueue": enqueue, "drain": drain, "latency": latency}
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(actions[request["do"]](request["jobs"])), flush=True)
