"""Real applications with their storage at one port.

usage: applications.py PORT
Ends with "all right" and status 0; else what failed is printed, with status 1. `NOT_YET` is the whole list of what does
not work yet: once it does, the run fails until it is taken out.
"""
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import redis

# application: what is missing.
NOT_YET: dict[str, str] = {}

PORT = int(sys.argv[1])
URL = f"redis://127.0.0.1:{PORT}/0"


def celery_tasks():
    """One worker, some tasks, a retry, a chain and a chord, with the results fetched by the producer."""
    os.environ["KEYWAY_PORT"] = str(PORT)
    here = os.path.dirname(os.path.abspath(__file__))
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_application", "worker", "--pool", "solo", "--loglevel", "error"],
        cwd=here, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        sys.path.insert(0, here)
        from celery import chain, chord, group
        from celery_application import add, fail_twice, total

        waiting = [add.delay(number, 1) for number in range(20)]
        assert [result.get(timeout=20) for result in waiting] == list(range(1, 21))
        assert fail_twice.delay().get(timeout=10) == "third time"
        assert chain(add.s(1, 2), add.s(3))().get(timeout=10) == 6
        assert group(add.s(1, 1), add.s(2, 2))().get(timeout=10) == [2, 4]
        assert chord([add.s(1, 1), add.s(2, 2)])(total.s()).get(timeout=10) == 6
    except BaseException:
        worker.kill()
        print(worker.communicate()[0].decode(errors="replace")[-3000:])
        raise
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=15)
    assert worker.returncode == 0, worker.returncode


def flask_sessions():
    """A session that survives requests, and one that is thrown away."""
    from flask import Flask, session
    from flask_session import Session

    app = Flask("application")
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis(port=PORT), SECRET_KEY="x")
    Session(app)

    @app.route("/count")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.route("/leave")
    def leave():
        session.clear()
        return "bye"

    browsers = [app.test_client() for _ in range(10)]
    for expected in (b"1", b"2", b"3"):
        assert all(browser.get("/count").data == expected for browser in browsers)
    browsers[0].get("/leave")
    assert browsers[0].get("/count").data == b"1" and browsers[1].get("/count").data == b"4"


def cachelib_cache():
    from cachelib import RedisCache

    cache = RedisCache(host="127.0.0.1", port=PORT, key_prefix="cache:")
    assert cache.set("one", {"a": [1, 2]}) and cache.get("one") == {"a": [1, 2]}
    assert cache.add("one", 2) is False and cache.get("none") is None
    many = {f"key{number}": number for number in range(50)}
    assert sorted(cache.set_many(many)) == sorted(many)
    assert cache.get_many(*many) == list(many.values())
    assert cache.get_dict("key1", "none") == {"key1": 1, "none": None}
    assert cache.inc("counter", 5) == 5 and cache.dec("counter", 2) == 3
    assert cache.has("one") and cache.delete("one") and not cache.has("one")
    assert len(cache.delete_many(*many)) == 50
    assert cache.set("last", 1) and cache.clear() and cache.get("last") is None


def rate_limits():
    from limits import parse, storage, strategies

    store = storage.storage_from_string(URL)
    for strategy in (
        strategies.FixedWindowRateLimiter, strategies.MovingWindowRateLimiter,
        strategies.SlidingWindowCounterRateLimiter,
    ):
        limiter = strategy(store)
        limit = parse("5/hour")
        for user in ("ann", "bob", "cy"):
            allowed = [limiter.hit(limit, strategy.__name__, user) for _ in range(7)]
            assert allowed == [True] * 5 + [False] * 2, (strategy, user, allowed)
            assert limiter.get_window_stats(limit, strategy.__name__, user).remaining == 0
            limiter.clear(limit, strategy.__name__, user)
            assert limiter.test(limit, strategy.__name__, user)


def increments_under(lock_of):
    """Threads that read and write one number, each time under the lock: no increment is lost."""
    client = redis.Redis(port=PORT)
    client.set("guarded", 0)
    problems = []

    def work():
        try:
            mine = redis.Redis(port=PORT)
            for _ in range(10):
                with lock_of(mine):
                    mine.set("guarded", int(mine.get("guarded")) + 1)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert client.get("guarded") == b"40"


def redis_py_lock():
    increments_under(lambda client: client.lock("lock", timeout=20, sleep=0.002))
    client = redis.Redis(port=PORT)
    lock = client.lock("held", timeout=20)
    assert lock.acquire() and lock.owned() and lock.extend(10) and lock.reacquire()
    assert not client.lock("held").acquire(blocking=False)
    lock.release()


def python_redis_lock():
    import redis_lock

    # Its two keys, the lock and the signal, carry the name: with a hash tag they share a shard.
    increments_under(lambda client: redis_lock.Lock(client, "{guard}", expire=20, strict=False))
    client = redis.Redis(port=PORT)
    lock = redis_lock.Lock(client, "{held}", expire=20)
    assert lock.acquire() and not redis_lock.Lock(client, "{held}").acquire(blocking=False)
    lock.extend(30)
    lock.release()


APPLICATIONS = [celery_tasks, flask_sessions, cachelib_cache, rate_limits, redis_py_lock, python_redis_lock]


def main():
    # Whoever runs tests may block signals; a worker that is asked to stop must hear of it.
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    bad = False
    for application in APPLICATIONS:
        name = application.__name__
        began = time.monotonic()
        try:
            application()
        except Exception:
            if name not in NOT_YET:
                print(f"{name}:\n{traceback.format_exc()}")
                bad = True
            continue
        print(f"{name}: {time.monotonic() - began:.1f} s")
        if name in NOT_YET:
            print(f"{name} works now ({NOT_YET[name]}); take it out of NOT_YET")
            bad = True
    if not bad:
        print("all right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
