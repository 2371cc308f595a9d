"""Real programs at real work, to be run on one allocator after another.

`script/demo` shows `PROGRAMS` side by side and `tests/process/programs_test.py` holds their output equal;
`script/bench compare` measures `MEASURED` too. A program is one file and one line here, an allocator one line of
`allocators.py`.
"""

from .cxx_compile import CxxCompile
from .git_history import GitHistory
from .gs_pages import GsPages
from .lua_tables import LuaTables
from .node_json import NodeJson
from .perl_text import PerlText
from .python_json import PythonJson
from .redis_server import RedisServer
from .rocksdb_bench import RocksdbBench
from .sqlite_query import SqliteQuery
from .z3_jobs import Z3Jobs

PROGRAMS = [PythonJson(), GitHistory(), SqliteQuery(), CxxCompile(), PerlText()]
MEASURED = [*PROGRAMS, RedisServer(), RocksdbBench(), Z3Jobs(), GsPages(), LuaTables(), NodeJson()]
