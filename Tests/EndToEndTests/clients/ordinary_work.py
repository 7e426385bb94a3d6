"""Ordinary work of an application through one port, by redis-py or valkey-py.

usage: ordinary_work.py redis|valkey HOST PORT
Ends with "all right" and status 0; any surprise is a traceback and status 1.
"""
import importlib
import sys
import threading


def strings(client):
    assert client.set("s", "hello")
    assert client.get("s") == b"hello"
    assert client.get("none") is None
    assert client.append("s", "!") == 6
    assert client.set("s", "x", nx=True) is None
    assert client.set("t", "v", ex=1000) and 990 <= client.ttl("t") <= 1000
    assert client.expire("s", 1000) and client.persist("s")
    assert client.incrby("n", 5) == 5 and client.decr("n") == 4
    assert client.getrange("s", 0, 3) == b"hell"
    assert client.set("bytes", bytes(range(256))) and client.get("bytes") == bytes(range(256))
    assert client.type("s") == b"string"


def many_keys(client):
    keys = ["m%d" % i for i in range(200)]
    assert client.mset({key: "of " + key for key in keys})
    assert client.mget(keys + ["none"]) == [("of " + key).encode() for key in keys] + [None]
    assert client.exists(*keys) == 200
    assert client.touch(*keys) == 200
    assert client.unlink(*keys[:50]) == 50
    assert client.delete(*keys) == 150


def hashes(client):
    assert client.hset("h", mapping={"a": 1, "b": 2}) == 2
    assert client.hgetall("h") == {b"a": b"1", b"b": b"2"}
    assert client.hmget("h", "a", "none") == [b"1", None]
    assert client.hincrby("h", "a", 4) == 5 and client.hdel("h", "b") == 1
    assert dict(client.hscan_iter("h")) == {b"a": b"5"}


def lists(client):
    assert client.rpush("l", *range(10)) == 10
    assert client.lrange("l", 0, 2) == [b"0", b"1", b"2"]
    assert client.lpop("l") == b"0" and client.rpop("l", 2) == [b"9", b"8"]
    assert client.lmove("{q}in", "{q}out") is None


def sets(client):
    assert client.sadd("set", "a", "b", "c") == 3
    assert set(client.smembers("set")) == {b"a", b"b", b"c"}
    assert client.sismember("set", "a") and client.smismember("set", ["a", "z"]) == [1, 0]
    assert set(client.sscan_iter("set")) == {b"a", b"b", b"c"}


def sorted_sets(client):
    assert client.zadd("z", {"a": 1, "b": 2.5, "c": 3}) == 3
    assert client.zrange("z", 0, -1, withscores=True) == [(b"a", 1.0), (b"b", 2.5), (b"c", 3.0)]
    assert client.zrangebyscore("z", 2, "+inf") == [b"b", b"c"]
    assert client.zincrby("z", 2, "a") == 3.0 and client.zrank("z", "b") == 0
    assert client.zpopmin("z") == [(b"b", 2.5)]


def streams(client):
    first = client.xadd("x", {"f": "v"})
    client.xadd("x", {"f": "w"})
    assert client.xlen("x") == 2
    assert client.xrange("x")[0] == (first, {b"f": b"v"})
    assert client.xgroup_create("x", "group", "0")
    assert client.xinfo_groups("x")[0]["name"] == b"group"
    assert client.xdel("x", first) == 1


def pipelines(client):
    pipeline = client.pipeline(transaction=False)
    for i in range(500):
        pipeline.set("p%d" % i, i).get("p%d" % i)
    replies = pipeline.execute()
    assert replies == [reply for i in range(500) for reply in (True, b"%d" % i)]


def scripts(client):
    double = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1] * 2)")
    for i in range(20):
        assert double(keys=["script%d" % i], args=[3]) == 6
    assert client.eval("return {KEYS[1], ARGV[1]}", 1, "k", "v") == [b"k", b"v"]
    digest = client.script_load("return 1")
    assert client.script_exists(digest) == [True]


def server(client):
    assert client.ping() and client.echo("hello") == b"hello"
    assert client.dbsize() > 0
    assert client.info()["redis_version"]
    assert client.client_setname("worker") and client.client_getname() == "worker"
    assert any(row["name"] == "worker" for row in client.client_list())
    assert len(client.time()) == 2
    assert client.config_get("maxmemory") is not None
    assert b"s" in client.keys("s*") and client.randomkey() is not None


def errors(client, library):
    response_error = library.exceptions.ResponseError
    client.set("text", "x")
    for wrong in (
        lambda: client.incr("text"),
        lambda: client.lpush("text", 1),
        lambda: client.execute_command("NOSUCH", "x"),
        lambda: client.execute_command("GET"),
        lambda: client.shutdown(),
    ):
        try:
            wrong()
        except response_error:
            continue
        raise AssertionError("an error was expected")
    pipeline = client.pipeline(transaction=False)
    pipeline.set("a", 1).incr("text").get("a")
    replies = pipeline.execute(raise_on_error=False)
    assert replies[0] is True and isinstance(replies[1], response_error) and replies[2] == b"1"
    assert client.ping()


def threads(client):
    problems = []

    def work(number):
        try:
            for i in range(100):
                key = "thread%d" % (i % 10)
                client.set("%s:%d" % (key, number), "%d:%d" % (number, i))
                assert client.get("%s:%d" % (key, number)) == b"%d:%d" % (number, i)
        except Exception as problem:
            problems.append(problem)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems, problems


def main():
    name, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    library = importlib.import_module(name)
    client_class = library.Redis if name == "redis" else library.Valkey
    client = client_class(host=host, port=port, protocol=2, socket_timeout=20)
    for part in (strings, many_keys, hashes, lists, sets, sorted_sets, streams, pipelines, scripts, server, threads):
        part(client)
    errors(client, library)
    assert client.flushall() and client.dbsize() == 0
    client.close()
    print(name, library.__version__, "all right")


if __name__ == "__main__":
    main()
