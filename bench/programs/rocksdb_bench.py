"""db_bench of RocksDB: keys written at random, read at random and sought, in one thread."""

from .program import Command, Program


class RocksdbBench(Program):
    name = "db_bench"
    work = "RocksDB: random writes, reads and seeks"

    def prepare(self, folder, scale):
        self.keys = max(1000, int(100_000 * scale))

    def commands(self, folder):
        # With buffer and cache as small as that, most blocks come from a file and few stay.
        return [Command(["db_bench", "--seed=1", f"--db={folder / 'store'}", f"--num={self.keys}", "--value_size=200",
                         "--compression_type=none", "--disable_wal=1", "--write_buffer_size=2000000",
                         "--cache_size=4000000", "--benchmarks=fillrandom,readrandom,seekrandom"])]
