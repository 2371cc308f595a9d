#!/usr/bin/env python3
"""The options of a real process: from the environment and from C, what is refused, and what BASALT_HELP prints.

The process that is asked runs this file again, with the library preloaded."""
import ctypes
import errno
import os
import pathlib
import subprocess
import sys

PRELOAD = os.environ["BASALT_PRELOAD"]
FOREIGN = "abort" if "hardened" in os.path.basename(PRELOAD) else "leak"  # unless the environment says otherwise
SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"])


def expect(condition, what):
    if not condition:
        sys.exit(str(what))


def get(name):
    function = ctypes.CDLL(None).basalt_option_get
    function.restype = ctypes.c_size_t
    buffer = ctypes.create_string_buffer(64)
    expect(function(name.encode(), buffer, ctypes.c_size_t(64)) == len(buffer.value), name)
    return buffer.value.decode("ascii")


def put(name, value):
    return ctypes.CDLL(None).basalt_option_set(name.encode(), value.encode())


def inside(names):
    """Prints what the options are, one a line."""
    for name in names:
        print(get(name))


def check_calls():
    expect(put("keep", "64M") == 0 and get("keep") == "64M", "keep")
    expect(put("KEEP", "0") == 0 and get("keep") == "0", "capitals")
    for name, value in (("keep", "much"), ("no_such", "1"), ("foreign", "leak"), ("keep_percent", "101")):
        expect(put(name, value) == errno.EINVAL, name)
    expect(get("keep") == "0" and get("no_such") == "", "nothing has changed")
    expect(put("profile", "small") == 0 and get("cache") == "16K" and get("keep") == "4M", "profile")
    expect(get("foreign") == FOREIGN and get("help") == "0", "what only the environment sets")


def run(*command, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in ("BASALT_STATS", "BASALT_FOREIGN")}
    environment.update(LD_PRELOAD=PRELOAD, **variables)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=environment)
    return done.stdout, done.stderr


def options_with(names, **variables):
    out, err = run(sys.executable, __file__, "get", *names, **variables)
    return out.split(), err


def check_environment():
    names = ("profile", "cache", "keep", "keep_percent", "huge_pages", "soft_limit", "hard_limit", "container", "foreign")
    expect(options_with(names) == (["balanced", "64K", "32M", "12", "256M", "none", "none", "on", FOREIGN], ""), "defaults")
    expect(options_with(names, BASALT_KEEP="1G", BASALT_PROFILE="throughput", BASALT_FOREIGN="abort",
                        BASALT_CONTAINER="off", BASALT_SOFT_LIMIT="3G") ==
           (["throughput", "256K", "1G", "25", "32M", "3G", "none", "off", "abort"], ""), "a profile and other options")
    got, said = options_with(names, BASALT_CACHE="lots", BASALT_KEEP="5M", BASALT_UNKNOWN="1", BASALT_FOREIGN="ignore")
    expect(got == ["balanced", "64K", "5M", "12", "256M", "none", "none", "on", FOREIGN], got)
    expect(sorted(said.splitlines()) ==
           ['basalt: the option cache cannot be "lots": it takes 4K to 256K; it stays as it is',
            'basalt: the option foreign cannot be "ignore": it takes abort or leak; it stays as it is'], said)
    expect(options_with(("stats", "help"), BASALT_STATS="/dev/null")[0] == ["/dev/null", "0"], "stats")
    expect(options_with(("stats", "help"), BASALT_HELP="1")[0] == ["1"], "no file, and help")
    refused = subprocess.run([sys.executable, "-c", "x = bytearray(1 << 30)"], capture_output=True, text=True, check=False,
                             timeout=60, env={**os.environ, "LD_PRELOAD": PRELOAD, "BASALT_HARD_LIMIT": "200M"})
    expect("MemoryError" in refused.stderr, refused)


def check_help():
    out, table = run("/bin/true", BASALT_HELP="1", BASALT_KEEP="5M")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    expect(out == "" and len(rows) > 10, table)
    page = (SOURCE / "docs/reference/options.md").read_text(encoding="utf-8").splitlines()
    expect([line for line in page if line.startswith("| ") or line.startswith("|---")] == rows,
           "docs/reference/options.md has another table than BASALT_HELP=1 prints:\n" + "\n".join(rows))
    expect(" keep=5M " in table.splitlines()[-2], table)
    expect(run("/bin/true", BASALT_HELP="0") == ("", ""), "BASALT_HELP=0")
    for wish in ("", "10"):
        said = run("/bin/true", BASALT_HELP=wish)[1]
        expect(said == f'basalt: the option help cannot be "{wish}": it takes 0 or 1; it stays as it is\n', said)
    expect("\nGuard: live\n" in run("/bin/true", BASALT_HELP="1", BASALT_GUARD="on")[1], "the guard's test of itself")


def number(path):
    try:
        return int(path.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 1 << 63


def memory_allowed():
    """The lowest limit of this process's control groups, found another way; none is at 1 << 62 and above."""
    lowest = 1 << 63
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, directory = line.split(":", 2)
        mount = pathlib.Path("/sys/fs/cgroup", *(["memory"] if controllers else []))
        if controllers and "memory" not in controllers.split(","):
            continue
        group = mount / directory.lstrip("/")
        for level in (group, *group.parents):
            if level == mount or mount in level.parents:
                for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
                    lowest = min(lowest, number(level / name))
    return lowest


def check_container():
    memory = memory_allowed()
    said = f"Container: memory {memory if memory < 1 << 62 else 'without limit'}, "
    table = run("/bin/true", BASALT_HELP="1")[1]
    expect(said in table.splitlines()[-1], f"{said} is not in {table}")
    one = min(os.sched_getaffinity(0))
    table = run("taskset", "-c", str(one), "/bin/true", BASALT_HELP="1")[1]
    expect(table.endswith(", 1 processors\n"), table)
    off = run("/bin/true", BASALT_HELP="1", BASALT_CONTAINER="off")[1]
    expect(off.endswith("Container: memory without limit, 0 processors\n"), "off: it is not even looked for: " + off)


if len(sys.argv) > 1:
    inside(sys.argv[2:]) if sys.argv[1] == "get" else check_calls()
elif "basic" not in os.path.basename(PRELOAD):
    run(sys.executable, __file__, "calls")
    check_environment()
    check_help()
    check_container()
