#!/usr/bin/env python3
"""The guide shows what its commands print: each is run, and what is shown must come of it, line by line, whatever the figures are."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

from tool import BUILD, HERE, check, equal, main

GUIDE = HERE.parent.parent / "docs" / "guide.md"
PEERS = {"jemalloc": "libjemalloc.so*", "mimalloc": "libmimalloc.so*", "tcmalloc": "libtcmalloc_minimal.so*"}
LEFT_OUT = "..."
PRINT = "--print" in sys.argv  # shows what comes out, for whoever writes the guide


def fences():
    return re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)


def shape(line):
    """A line without its figures: what is fast, large or much differs from machine to machine."""
    if re.search(r"is the fastest: |are equally fast as far as", line):
        return "a verdict"
    line = re.sub(r"[\d.,]+( (?:[KMG]iB|B|[nµm]?s|k|M)\b)?", "#", line)
    return " ".join(re.sub(r"[█─]+|[-+] ?(?=#)", "", line).split())


def is_absent(line):
    """Whether it is about an allocator that is not installed here."""
    name = line.split(" ")[0]
    return name in PEERS and not any(pathlib.Path("/usr/lib").glob(f"*/{PEERS[name]}"))


def steps(text):
    """Commands, each with the lines that are shown below it."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line, [])
        elif not is_absent(line):
            found[-1][1].append(line)
    return found


def agree(command, shown, printed):
    """In order, and one behind the other but where something is left out."""
    lines, at, anywhere = [shape(line) for line in printed.splitlines()], 0, True
    for line in shown:
        if line.strip() == LEFT_OUT:
            anywhere = True
            continue
        wanted = shape(line)
        if anywhere and wanted in lines[at:]:
            at = lines.index(wanted, at)
        if at >= len(lines) or lines[at] != wanted:
            check(False, f"{command}: {line!r} is shown, and not printed:\n{printed}")
            return
        at, anywhere = at + 1, False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def run(text, folder, port):
    """All commands of a box, by one shell. Returns: what each printed."""
    commands = steps(text.replace("6060", port))
    script = "exec 2>&1\n" + "".join(f"{command}\necho; echo '@@@'\n" for command, _ in commands)
    path = f"{BUILD / 'bin'}:{os.environ['PATH']}"
    shell = subprocess.run(["bash", "-c", script], cwd=folder, env={**os.environ, "PATH": path, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=200)
    parts = shell.stdout.split("\n@@@\n")
    equal(len(parts), len(commands) + 1, f"all commands ran: {shell.stdout}")
    return zip(commands, parts)


def all_is_as_it_is_shown(folder):
    boxes, port = fences(), free_port()
    for language, text in boxes:
        name = re.match(r"// (\w+\.cpp): ", text)
        if language == "cpp" and name:
            (pathlib.Path(folder) / name[1]).write_text(text)
    consoles = [text for language, text in boxes if language == "console"]
    check(len(consoles) >= 10, f"{len(consoles)} boxes with commands")
    shown = sum(bool(lines) for text in consoles for _, lines in steps(text))
    check(shown >= 15, f"{shown} commands whose output is shown")
    for text in consoles:
        missing = [word for word in ("sqlite3", "curl") if re.search(rf"(?:^\$|--|&&) {word} ", text, re.M) and not shutil.which(word)]
        if missing:
            print("not run here:", *missing, "is not installed")
            continue
        for (command, shown), printed in run(text, folder, port):
            if PRINT:
                print(f"$ {command}\n{printed}", end="")
            else:
                agree(command, shown, printed)


def what_is_not_printed_is_noticed(_):
    text = "a  12 MiB\n...\nb 3\n"
    for printed, right in (("a 1 KiB\nb 4\n", True), ("a 1 KiB\nx\nb 4\n", True), ("b 4\na 1 KiB\n", False), ("a 1 KiB\n", False)):
        lines, found = text.splitlines(), []
        globals()["check"], before = (lambda _, what: found.append(what)), check
        agree("a test of the test", lines, printed)
        globals()["check"] = before
        equal(not found, right, printed)


if __name__ == "__main__":
    main(what_is_not_printed_is_noticed, all_is_as_it_is_shown)
