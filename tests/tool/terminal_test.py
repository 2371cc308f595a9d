#!/usr/bin/env python3
"""What a terminal gets that a file does not: how far long work is, for as long as it lasts, and what stands out."""
import os
import pathlib
import pty
import re
import select
import subprocess

from tool import TOOL, basalt, check, compile_program, equal, main

STYLE = "\033["  # all that is styled begins with it, and so does what wipes a line
WIPE = "\033[K"


def shown(stream, *arguments, **changes):
    """What the tool writes to a terminal that it has for stdout or stderr; the other goes nowhere."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | changes
    tool = subprocess.Popen([TOOL, *map(str, arguments)], stdin=subprocess.DEVNULL, env=environment,
                            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs})
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 100)[0]:
        try:
            text += os.read(ours, 65536)
        except OSError:  # nobody has the other end any more
            break
    os.close(ours)
    equal(tool.wait(timeout=100), 0, f"{arguments[0]}: its status")
    return text.decode()


def recorded(folder):
    trace = pathlib.Path(folder) / "busy.trace"
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, "busy"), 400_000)
    return trace


def long_work_says_how_much_is_left_and_leaves_no_trace_of_it(folder):
    trace = recorded(folder)
    seen = shown("stderr", "replay", "-a", "glibc", "-r", 60, trace)
    parts = [int(part) for part in re.findall(r"playing: (\d+) %", seen)]
    check(len(parts) >= 2 and parts == sorted(parts), f"it goes on: {parts}")
    check(re.search(r"\d+ %, [\d.]+ \w+ left", seen), f"time that is left: {seen!r}")
    last = max(seen.rfind(" % "), seen.rfind(" left"), seen.rfind(" %\r"))
    check(seen.find("\r" + WIPE, last) > 0, "the line is wiped in the end")
    quiet = basalt("replay", "-a", "glibc", "-r", 60, trace)
    equal(quiet.returncode, 0, quiet.stderr)
    check(" % " not in quiet.stderr and "left" not in quiet.stderr and STYLE not in quiet.stderr, "a file gets none of it: " + quiet.stderr)


def what_stands_out_is_styled_unless_somebody_minds(folder):
    trace = recorded(folder)
    for command in (["info", trace], ["report", trace], ["report", "--sizes", trace]):
        check(STYLE in shown("stdout", *command), f"{command[:-1]} is styled")
        check(STYLE not in shown("stdout", *command, NO_COLOR="1"), f"{command[:-1]} is not, with NO_COLOR")
        check(STYLE in shown("stdout", *command, NO_COLOR=""), f"{command[:-1]}: an empty NO_COLOR says nothing")
        check(STYLE not in basalt(*command).stdout, f"{command[:-1]} is not, in a file")


main(long_work_says_how_much_is_left_and_leaves_no_trace_of_it, what_stands_out_is_styled_unless_somebody_minds)
