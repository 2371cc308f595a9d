"""The gates of trust: what must hold before anybody relies on this allocator, each with the work that shows it.

`parts.py` names them, `runner.py` runs one, `record.py` remembers what was run, `page.py` writes the table of docs/trust.md; the
command line, script/soak, is in `__main__.py`.
"""
