"""Every command family through a client library, with Keyway and with one server: each call must end alike.

usage: every_family.py redis|valkey 2|3 sync|async ONE_PORT KEYWAY_PORT

A family is a list of calls; what each returned (or raised) is noted, and the notes of both sides are compared. Ends
with "all right" and status 0; else each difference is printed, with status 1. `NOT_YET` is the whole list of what
Keyway cannot do yet: a family in it has to differ, and once it no longer does, the run fails until it is taken out.
"""
import asyncio
import hashlib
import importlib
import inspect
import sys

# family, or family/protocol, or */protocol: what is missing.
NOT_YET: dict[str, str] = {}


def missing(name, protocol):
    """What keeps a family from working, if anything does."""
    return NOT_YET.get(f"*/{protocol}") or NOT_YET.get(f"{name}/{protocol}") or NOT_YET.get(name)


# Calls whose answers differ between any two servers: only their type is noted.
LOOSE = {
    "client_id", "client_info", "client_list", "info", "time", "lastsave", "memory_usage", "object", "srandmember",
    "hrandfield", "zrandmember", "randomkey", "xinfo_stream", "xinfo_consumers", "xpending_range", "dump", "spop",
    "slowlog_get", "latency_latest", "config_get", "role", "acl_list",
}
# Calls whose answers come in no order.
UNORDERED = {"smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "keys", "pubsub_channels", "acl_cat"}
NEAR = {"ttl", "pttl", "expiretime", "pexpiretime", "httl", "hpttl", "hexpiretime", "hpexpiretime"}


def plain(value):
    """With tuples as lists and sets sorted, and what is no data by its type."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {repr(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (bytes, str, int, float, bool, type(None))):
        return value
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    return type(value).__name__


ENDED = "the family ended early"


class Notes:
    """What each call gave."""

    def __init__(self):
        self.rows = []

    def add(self, name, arguments, value):
        value = plain(value)
        if not (isinstance(value, str) and "Error: " in value):
            if name in LOOSE:
                value = type(value).__name__
            elif name in UNORDERED and isinstance(value, list):
                value = sorted(value, key=repr)
            elif name in NEAR:
                value = [None if isinstance(n, int) and n > 500 else n for n in value] \
                    if isinstance(value, list) else value if value < 500 else "near"
        self.rows.append((name, repr(arguments), value))


class Client:
    """A client whose every call is a coroutine and leaves a note, be the library's own sync or async."""

    def __init__(self, real, notes):
        self.real = real
        self.notes = notes

    def __getattr__(self, name):
        async def call(*arguments, **options):
            try:
                value = getattr(self.real, name)(*arguments, **options)
                if inspect.isawaitable(value):
                    value = await value
            except (ConnectionError, TimeoutError):
                raise
            except Exception as problem:
                self.notes.add(name, (arguments, options), problem)
                return problem
            self.notes.add(name, (arguments, options), value)
            return value

        return call

    async def collect(self, name, *arguments, **options):
        """All that an iterator gives, in no order; what comes twice counts once, as with SCAN."""
        found = getattr(self.real, name)(*arguments, **options)
        try:
            items = [item async for item in found] if hasattr(found, "__aiter__") else list(found)
        except Exception as problem:
            self.notes.add(name, (arguments, options), problem)
            return []
        self.notes.add(name, (arguments, options), sorted(set(items), key=repr))
        return items

    def beside(self, name, *arguments, **options):
        """The call as a task, on a connection of its own."""
        method = getattr(self.real, name)
        if inspect.iscoroutinefunction(method) or hasattr(self.real, "__aenter__"):
            return asyncio.ensure_future(self._awaited(method, arguments, options))
        return asyncio.ensure_future(asyncio.to_thread(method, *arguments, **options))

    @staticmethod
    async def _awaited(method, arguments, options):
        return await method(*arguments, **options)

    async def end(self, name, task):
        try:
            value = await task
        except Exception as problem:
            value = problem
        self.notes.add(name, "beside", value)

    async def batch(self, commands, transaction):
        """The commands in one pipeline."""
        pipeline = self.real.pipeline(transaction=transaction)
        for name, *arguments in commands:
            getattr(pipeline, name)(*arguments)
        await Client(pipeline, self.notes).execute(raise_on_error=False)
        await Client(pipeline, Notes()).reset()


async def strings(c):
    await c.set("s", "hello")
    assert await c.get("s") == b"hello"
    await c.set("s", "x", nx=True)
    await c.set("s", "x", xx=True, get=True)
    await c.append("s", "!")
    await c.getrange("s", 0, 3)
    await c.setrange("s", 1, "yz")
    await c.strlen("s")
    await c.getset("s", "new")
    await c.getdel("s")
    await c.getex("s", ex=1000)
    await c.incr("n")
    await c.incrby("n", 5)
    await c.incrbyfloat("n", 0.5)
    await c.decr("m", 2)
    await c.incr("s2")
    await c.mset({"a": 1, "b": 2, "c": 3, "d": 4})
    assert await c.mget("a", "b", "none", "d") == [b"1", b"2", None, b"4"]
    await c.msetnx({"{t}a": 1, "{t}b": 2})
    await c.setex("e", 1000, "v")
    await c.psetex("e", 1000000, "v")
    await c.setnx("e", "w")
    await c.set("bytes", bytes(range(256)))
    await c.get("bytes")
    await c.set("{l}1", "ohmytext")
    await c.set("{l}2", "mynewtext")
    await c.lcs("{l}1", "{l}2")
    await c.lcs("{l}1", "{l}2", idx=True, withmatchlen=True)
    await c.lpush("a", 1)


async def bitmaps(c):
    await c.setbit("bit", 7, 1)
    await c.getbit("bit", 7)
    await c.bitcount("bit")
    await c.bitpos("bit", 1)
    await c.setbit("{b}1", 3, 1)
    await c.setbit("{b}2", 4, 1)
    await c.bitop("OR", "{b}3", "{b}1", "{b}2")
    await c.bitop("NOT", "{b}4", "{b}1")
    await c.get("{b}3")
    changes = ("SET", "u8", 0, 200, "INCRBY", "u8", 0, 100, "OVERFLOW", "SAT", "GET", "u8", 0)
    await c.execute_command("BITFIELD", "bit", *changes)
    await c.bitfield_ro("bit", "u8", 0)


async def hashes(c):
    await c.hset("h", mapping={"a": 1, "b": 2, "c": "x"})
    assert await c.hgetall("h") == {b"a": b"1", b"b": b"2", b"c": b"x"}
    await c.hget("h", "a")
    await c.hmget("h", "a", "none")
    await c.hincrby("h", "a", 4)
    await c.hincrbyfloat("h", "a", 0.5)
    await c.hincrby("h", "c", 1)
    await c.hsetnx("h", "a", 1)
    await c.hlen("h")
    await c.hstrlen("h", "a")
    await c.hexists("h", "a")
    await c.hkeys("h")
    await c.hvals("h")
    await c.hdel("h", "b")
    await c.hrandfield("h")
    await c.hrandfield("h", 2, withvalues=True)
    await c.hgetall("none")


async def hash_expiry(c):
    await c.hset("hx", mapping={"a": 1, "b": 2})
    for words in (
        ("HEXPIRE", "hx", 1000, "FIELDS", 2, "a", "none"), ("HTTL", "hx", "FIELDS", 1, "b"),
        ("HPERSIST", "hx", "FIELDS", 1, "a"), ("HEXPIREAT", "hx", 1, "FIELDS", 1, "a"), ("HGETALL", "hx"),
        ("HSETEX", "hx", "EX", 1000, "FIELDS", 1, "c", 3), ("HGETEX", "hx", "PERSIST", "FIELDS", 1, "c"),
        ("HGETDEL", "hx", "FIELDS", 1, "c"), ("HEXPIRETIME", "hx", "FIELDS", 1, "b"),
    ):
        await c.execute_command(*words)


async def lists(c):
    await c.rpush("l", *range(10))
    assert await c.lrange("l", 0, 2) == [b"0", b"1", b"2"]
    await c.lpop("l")
    await c.rpop("l", 2)
    await c.lpushx("none", 1)
    await c.llen("l")
    await c.lindex("l", 1)
    await c.linsert("l", "BEFORE", "3", "x")
    await c.lset("l", 0, "y")
    await c.lrem("l", 0, "x")
    await c.ltrim("l", 0, 4)
    await c.lpos("l", "4")
    await c.lpos("l", "4", count=0)
    await c.rpush("{q}1", "a", "b", "c")
    await c.lmove("{q}1", "{q}2")
    await c.rpoplpush("{q}1", "{q}2")
    await c.lmpop(2, "{q}1", "{q}2", direction="LEFT", count=2)
    await c.lrange("{q}2", 0, -1)
    await c.sort("l", alpha=True, desc=True)
    await c.lset("none", 0, "x")


async def sets(c):
    await c.sadd("set", "a", "b", "c")
    assert set(await c.smembers("set")) == {b"a", b"b", b"c"}
    await c.sismember("set", "a")
    await c.smismember("set", ["a", "z"])
    await c.scard("set")
    await c.srem("set", "a")
    await c.srandmember("set", 1)
    await c.spop("set")
    await c.sadd("{s}1", "a", "b", "c")
    await c.sadd("{s}2", "b", "c", "d")
    await c.sinter("{s}1", "{s}2")
    await c.sunion("{s}1", "{s}2")
    await c.sdiff("{s}1", "{s}2")
    await c.sintercard(2, ["{s}1", "{s}2"])
    await c.sinterstore("{s}3", "{s}1", "{s}2")
    await c.smembers("{s}3")
    await c.smove("{s}1", "{s}2", "a")
    await c.sunionstore("{s}4", ["{s}1", "{s}2"])


async def sorted_sets(c):
    await c.zadd("z", {"a": 1, "b": 2.5, "c": 3})
    await c.zadd("z", {"a": 5}, gt=True, ch=True)
    await c.zadd("z", {"a": 1}, incr=True)
    await c.zrange("z", 0, -1, withscores=True)
    await c.zrange("z", 0, 5, byscore=True, withscores=True)
    await c.zrevrange("z", 0, 1, withscores=True)
    await c.zrangebyscore("z", 2, "+inf", withscores=True)
    await c.zscore("z", "b")
    await c.zmscore("z", ["a", "none"])
    await c.zincrby("z", 2, "a")
    await c.zrank("z", "b")
    await c.zrank("z", "b", withscore=True)
    await c.zcount("z", "-inf", 3)
    await c.zcard("z")
    await c.zrandmember("z", 1)
    await c.zpopmin("z")
    await c.zpopmax("z", 2)
    await c.zadd("{z}1", {"a": 1, "b": 2, "c": 3})
    await c.zadd("{z}2", {"b": 10, "c": 20, "d": 30})
    await c.zunion(["{z}1", "{z}2"], withscores=True)
    await c.zinter(["{z}1", "{z}2"], withscores=True)
    await c.zdiff(["{z}1", "{z}2"], withscores=True)
    await c.zinterstore("{z}3", ["{z}1", "{z}2"], aggregate="MAX")
    await c.zunionstore("{z}4", {"{z}1": 2, "{z}2": 3})
    await c.zrangestore("{z}5", "{z}4", 0, 1)
    await c.zintercard(2, ["{z}1", "{z}2"])
    await c.zmpop(2, ["{z}1", "{z}2"], min=True, count=2)
    await c.zadd("lex", {"a": 0, "b": 0, "c": 0})
    await c.zrangebylex("lex", "[a", "(c")
    await c.zlexcount("lex", "-", "+")
    await c.zremrangebyrank("lex", 0, 0)


async def streams(c):
    await c.xadd("x", {"f": "v"}, id="1-1")
    await c.xadd("x", {"f": "w", "g": "1"}, id="2-1")
    await c.xadd("x", {"f": "w"}, id="1-1")
    await c.xlen("x")
    await c.xrange("x")
    await c.xrevrange("x", count=1)
    await c.xread({"x": "0"})
    await c.xread({"x": "9"})
    await c.xgroup_create("x", "group", "0")
    await c.xgroup_create("x", "group", "0")
    await c.xgroup_create("made", "group", "$", mkstream=True)
    await c.xreadgroup("group", "me", {"x": ">"}, count=1)
    await c.xreadgroup("group", "me", {"x": "0"})
    await c.xpending("x", "group")
    await c.xpending_range("x", "group", "-", "+", 10)
    await c.xack("x", "group", "1-1")
    await c.xreadgroup("group", "you", {"x": ">"})
    await c.xclaim("x", "group", "me", 0, ["2-1"])
    await c.xautoclaim("x", "group", "me", 0)
    await c.xinfo_groups("x")
    await c.xinfo_stream("x")
    await c.xinfo_consumers("x", "group")
    await c.xtrim("x", maxlen=1)
    await c.xdel("x", "2-1")
    await c.xgroup_delconsumer("x", "group", "me")
    await c.xgroup_destroy("x", "group")


async def geo(c):
    await c.geoadd("g", [13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"])
    await c.geodist("g", "Palermo", "Catania", "km")
    await c.geohash("g", "Palermo", "none")
    await c.geopos("g", "Palermo", "none")
    await c.geosearch("g", longitude=15, latitude=37, radius=200, unit="km", sort="ASC", withdist=True, withcoord=True)
    await c.geosearch("g", member="Palermo", width=400, height=400, unit="km", sort="DESC")
    await c.geoadd("{g}1", [13.361389, 38.115556, "Palermo"])
    await c.geosearchstore("{g}2", "{g}1", member="Palermo", radius=1, unit="km")
    await c.georadius("g", 15, 37, 200, unit="km", withdist=True, sort="ASC")


async def hyperloglog(c):
    await c.pfadd("p", *range(50))
    await c.pfcount("p")
    await c.pfadd("{p}1", "a", "b")
    await c.pfadd("{p}2", "b", "c")
    await c.pfcount("{p}1", "{p}2")
    await c.pfmerge("{p}3", "{p}1", "{p}2")
    await c.pfcount("{p}3")


async def hyperloglog_across_shards(c):
    for number in range(8):
        await c.pfadd(f"pf{number}", *range(number * 3, number * 3 + 5))
    await c.pfcount(*[f"pf{number}" for number in range(8)])


async def algebra_across_shards(c):
    for number in range(8):
        await c.sadd(f"sx{number}", "all", number, number + 1)
        await c.zadd(f"zx{number}", {"all": number, str(number): 1})
    sets_of_all = [f"sx{number}" for number in range(8)]
    await c.sinter(*sets_of_all)
    await c.sunion(*sets_of_all)
    await c.sdiff(*sets_of_all)
    await c.sintercard(8, sets_of_all)
    await c.zunion([f"zx{number}" for number in range(8)], withscores=True)
    await c.zinter([f"zx{number}" for number in range(8)], withscores=True)


async def scripts(c):
    digest = await c.script_load("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    await c.script_exists(digest, "0" * 40)
    for number in range(8):
        await c.evalsha(digest, 1, f"script{number}", 3)
    await c.evalsha("0" * 40, 1, "k")
    await c.eval("return {KEYS[1], ARGV[1], 3, false}", 1, "k", "v")
    await c.eval("return redis.error_reply('MY wrong')", 1, "k")
    await c.eval_ro("return redis.call('GET', KEYS[1])", 1, "script1")
    await c.eval("return 1", 0)
    await c.eval("not lua", 0)
    # What EVAL ran is known by its digest from then on, for any key.
    await c.eval("return KEYS[1]", 1, "known0")
    for number in range(8):
        await c.evalsha(hashlib.sha1(b"return KEYS[1]").hexdigest(), 1, f"known{number}")


async def functions(c):
    body = "function(k, a) return redis.call('INCRBY', k[1], a[1]) end"
    code = f"#!lua name=lib\nserver.register_function('plus', {body})"
    await c.function_load(code)
    await c.function_load(code)
    await c.function_load(code, replace=True)
    for number in range(8):
        await c.fcall("plus", 1, f"function{number}", 2)
    await c.fcall_ro("plus", 1, "function1", 2)
    await c.function_list()
    await c.function_delete("lib")
    await c.fcall("plus", 1, "function1", 2)


async def transactions(c):
    commands = [
        ("set", "{x}1", 1), ("incr", "{x}1"), ("lpush", "{x}1", 2), ("hset", "{x}2", "a", 1), ("hgetall", "{x}2"),
    ]
    await c.batch(commands, transaction=True)
    await c.get("{x}1")
    await c.batch([("get", "{x}1")], transaction=True)


async def optimistic_locks(c):
    await c.set("{w}1", 5)
    for disturbed in (False, True):
        pipeline = Client(c.real.pipeline(), c.notes)
        await pipeline.watch("{w}1")
        await pipeline.get("{w}1")
        if disturbed:
            await c.set("{w}1", 9)
        pipeline.real.multi()
        pipeline.real.incr("{w}1")
        await pipeline.execute()
        await pipeline.reset()
    await c.get("{w}1")


async def pipelines(c):
    commands = [("set", f"p{number}", number) for number in range(50)] + [("get", f"p{number}") for number in range(50)]
    await c.batch([*commands, ("lpush", "p1", 1), ("incr", "p2")], transaction=False)


async def hear(listener, count):
    """So many messages, or fewer when one does not come."""
    for _ in range(count):
        if not isinstance(await listener.get_message(timeout=5), dict):
            return


async def publish_subscribe(c):
    listener = Client(c.real.pubsub(), c.notes)
    await listener.subscribe("channel-a", "channel-b")
    await listener.psubscribe("pattern-*")
    await hear(listener, 3)
    # One by one: messages of two shards come in no order that anybody promises.
    await c.publish("channel-a", "hello")
    await hear(listener, 1)
    await c.publish("pattern-x", "there")
    await hear(listener, 1)
    await c.publish("nobody", "x")
    await c.pubsub_channels("channel-*")
    await c.pubsub_numsub("channel-a", "nobody")
    await listener.unsubscribe("channel-a")
    await hear(listener, 1)
    await (listener.aclose if hasattr(listener.real, "aclose") else listener.close)()


async def blocking(c):
    await c.rpush("{bl}1", "a", "b", "c")
    await c.blpop("{bl}1", timeout=1)
    await c.brpop(["{bl}0", "{bl}1"], timeout=1)
    await c.blmove("{bl}1", "{bl}2", 1)
    await c.brpoplpush("{bl}2", "{bl}1", 1)
    await c.blmpop(1, 1, "{bl}1", direction="LEFT")
    await c.blpop("{bl}none", timeout=0.05)
    await c.zadd("{bl}z", {"a": 1, "b": 2})
    await c.bzpopmin("{bl}z", timeout=1)
    await c.bzpopmax("{bl}z", timeout=1)
    await c.bzmpop(0.05, 1, ["{bl}z"], min=True)
    task = c.beside("blpop", "{bl}later", timeout=5)
    await asyncio.sleep(0)
    await c.rpush("{bl}later", "came")
    await c.end("blpop", task)
    task = c.beside("xread", {"{bl}x": "0"}, block=5000)
    await asyncio.sleep(0)
    await c.xadd("{bl}x", {"a": 1}, id="1-1")
    await c.end("xread", task)
    await c.wait(0, 10)


async def scan(c):
    for number in range(300):
        await c.set(f"scan{number}", number)
    await c.sadd("scanned-set", *range(300))
    await c.hset("scanned-hash", mapping={f"f{number}": number for number in range(300)})
    await c.zadd("scanned-zset", {f"m{number}": number for number in range(300)})
    await c.collect("scan_iter", match="scan[0-9]*", count=20)
    await c.collect("scan_iter", match="scanned-*", _type="ZSET")
    await c.collect("sscan_iter", "scanned-set")
    await c.collect("hscan_iter", "scanned-hash", match="f1*")
    await c.collect("zscan_iter", "scanned-zset")
    await c.keys("scanned-*")
    await c.dbsize()


async def keys_and_expiry(c):
    await c.set("k", "v")
    await c.expire("k", 1000)
    await c.ttl("k")
    await c.pttl("k")
    await c.expire("k", 2000, nx=True)
    await c.expire("k", 2000, gt=True)
    await c.expireat("k", 4102444800)
    await c.expiretime("k")
    await c.pexpiretime("k")
    await c.persist("k")
    await c.pexpire("k", 1000000)
    await c.type("k")
    await c.exists("k", "none", "a")
    await c.touch("k", "none")
    await c.set("{k}1", "v")
    await c.rename("{k}1", "{k}2")
    await c.renamenx("{k}2", "{k}3")
    await c.rename("{k}none", "{k}x")
    await c.copy("{k}3", "{k}4")
    dumped = await c.dump("k")
    await c.restore("restored", 0, dumped)
    await c.restore("restored", 0, dumped)
    await c.object("encoding", "k")
    await c.memory_usage("k")
    await c.randomkey()
    await c.unlink("k", "none")
    await c.delete("{k}3", "a", "b")
    await c.expire("{k}4", -1)
    await c.exists("{k}4")


async def databases(c):
    pool = type(c.real.connection_pool)(**{**c.real.connection_pool.connection_kwargs, "db": 3})
    other = Client(type(c.real)(connection_pool=pool), c.notes)
    await c.set("{db}k", "zero")
    await other.get("{db}k")
    await other.set("{db}k", "three")
    await c.get("{db}k")
    await c.move("{db}k", 3)
    await c.set("{db}m", 1)
    await c.move("{db}m", 3)
    await other.get("{db}m")
    await other.dbsize()
    await other.flushdb()
    await c.get("{db}k")


async def client_and_server(c):
    await c.ping()
    await c.echo("hello")
    await c.client_setname("worker")
    await c.client_getname()
    await c.client_id()
    await c.client_info()
    await c.client_list()
    await c.client_no_evict("ON")
    await c.client_no_touch("ON")
    await c.client_setinfo("LIB-VER", "1.0")
    await c.info()
    await c.info("keyspace")
    await c.time()
    await c.config_get("maxmemory")
    await c.command_count()
    await c.command_getkeys("MSET", "a", 1, "b", 2)
    await c.lastsave()
    await c.role()
    await c.acl_whoami()
    await c.acl_cat()
    await c.slowlog_get()
    await c.slowlog_reset()
    await c.execute_command("NOSUCH", "x")
    await c.execute_command("GET")
    await c.execute_command("CONFIG", "NOSUCH")
    await c.dbsize()
    await c.flushall()
    await c.dbsize()


FAMILIES = [
    strings, bitmaps, hashes, hash_expiry, lists, sets, sorted_sets, streams, geo, hyperloglog,
    hyperloglog_across_shards, algebra_across_shards, scripts, functions, transactions, optimistic_locks, pipelines,
    publish_subscribe, blocking, scan, keys_and_expiry, databases, client_and_server,
]


def connect(library, protocol, style, port):
    module = importlib.import_module(library if style == "sync" else library + ".asyncio")
    client_class = getattr(module, "Redis" if library == "redis" else "Valkey")
    return client_class(host="127.0.0.1", port=port, protocol=protocol, socket_timeout=20)


async def run(family, library, protocol, style, port):
    """What the calls of a family give at one port, on empty databases."""
    notes = Notes()
    client = connect(library, protocol, style, port)
    try:
        await Client(client, Notes()).flushall()
        await family(Client(client, notes))
    except Exception as problem:
        notes.add(ENDED, (), problem)
    finally:
        closed = client.aclose() if hasattr(client, "aclose") else client.close()
        if inspect.isawaitable(closed):
            await closed
    return notes.rows


def differences(one, keyway):
    if one[-1][0] == ENDED:
        return [f"  {one[-1]!r} with one server"]
    found = [
        f"  {name}{arguments}\n    one server {theirs!r}\n    Keyway     {ours!r}"
        for (name, arguments, theirs), (_, _, ours) in zip(one, keyway) if theirs != ours
    ]
    if len(one) != len(keyway):
        found.append(f"  {len(one)} calls with one server, {len(keyway)} with Keyway; the last: {keyway[-1:]!r}")
    return found


async def main():
    library, protocol, style = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    one_port, keyway_port = int(sys.argv[4]), int(sys.argv[5])
    bad = False
    for family in FAMILIES:
        name = family.__name__
        one = await run(family, library, protocol, style, one_port)
        found = differences(one, await run(family, library, protocol, style, keyway_port))
        if (reason := missing(name, protocol)) and one[-1][0] != ENDED:
            if not found:
                print(f"{name}: works now in RESP{protocol} ({reason}); take it out of NOT_YET")
                bad = True
        elif found:
            print("\n".join([f"{name}:", *found[:5]]))
            bad = True
    if not bad:
        print("all right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
