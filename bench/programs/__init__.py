"""Real programs at real work, to be run on one allocator after another.

`script/demo` shows them side by side, `tests/process/programs_test.py` holds their output equal, and whoever measures
an allocator may take them from here: a program is one file and one line of `PROGRAMS`, an allocator one line of
`allocators.py`.
"""

from .cxx_compile import CxxCompile
from .git_history import GitHistory
from .perl_text import PerlText
from .python_json import PythonJson
from .sqlite_query import SqliteQuery

PROGRAMS = [PythonJson(), GitHistory(), SqliteQuery(), CxxCompile(), PerlText()]
