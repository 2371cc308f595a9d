"""redis-server: what redis-benchmark asks of it on loopback. Only the server's cost counts.

redis-benchmark draws its keys anew each time: it takes no seed. There are enough of them that each run asks for the same.
"""

from .program import Program
from .service import Service, free_port

TESTS = ["set", "get", "lpush", "lpop", "sadd", "hset", "zadd"]


class RedisServer(Program):
    name = "redis-server"
    work = "keys, lists, sets and hashes over loopback"
    links_an_allocator = True

    def tools(self):
        return ["redis-server", "redis-benchmark"]

    def prepare(self, folder, scale):
        self.requests = max(100, int(80_000 * scale))

    def commands(self, folder):
        port = free_port()
        client = ["redis-benchmark", "-h", "127.0.0.1", "-p", port, "-q", "-P", 16, "-c", 20, "-d", 200,
                  "-n", self.requests, "-r", self.requests, "-t", ",".join(TESTS)]
        return [Service(
            ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder,
             "--pidfile", folder / "pid"],
            pid_file=folder / "pid", port=port, clients=(tuple(map(str, client)),),
            operations=self.requests * len(TESTS))]
