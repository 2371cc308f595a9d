#!/usr/bin/env python3
"""What `basalt record` writes is what the program did, however that goes about it and however it ends."""
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import time

from tool import TOOL, basalt, check, compile_program, equal, events, info, main


def all_ways(folder):
    trace = pathlib.Path(folder) / "t"
    run = basalt("record", "-o", trace, "--", compile_program(folder, "every_way"))
    equal(run.returncode, 7, "the program's exit status")
    own = [e for e in events(trace) if 1000 < e.get("size", 0) < 41000 or e["op"] == "free"]
    found = [(e["op"], e.get("size", 0)) for e in own]
    equal(found[:5], [("malloc", 1001), ("calloc", 1002), ("aligned", 1024), ("malloc", 1003), ("realloc", 40004)], "what began")
    blocks = [e["block"] for e in own[:3]] + [own[4]["block"]]
    equal([e["ended"] for e in own if e["op"] == "free"], blocks, "what ended, in order")
    equal(own[2]["alignment"], 256, "alignment")
    equal(own[4]["ended"], own[3]["block"], "what was resized")
    equal(found[-1], ("malloc", 1005), "the last one, which is not freed")
    equal(info(trace)["ending"], "whole", "ending")
    equal(info(trace)["unknown_frees"], 0, "unknown frees")


def stacks_lead_to_the_caller(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    basalt("record", "-o", trace, "--", program, 10)
    text = basalt("dump", "--stacks", trace).stdout
    check(f"{program}+0x" in text, "stacks name the program's file")
    check("libbasalt-recorded" not in text, "stacks begin outside of the recorder")
    check(basalt("record", "-o", trace, "--unwind", "none", "--", program, 10).returncode == 0, "without stacks")
    check("stack" not in basalt("dump", trace).stdout, "no stacks")


def stacks_without_frame_pointers(folder):
    source, program = pathlib.Path(folder) / "deep.c", pathlib.Path(folder) / "deep"
    source.write_text("""
        #include <stdlib.h>
        void* volatile sink;
        __attribute__((noinline)) int third(int n) { sink = malloc(1000 + n); return n + 1; }
        __attribute__((noinline)) int second(int n) { return third(n) * 3; }
        __attribute__((noinline)) int first(int n) { return second(n) * 5; }
        int main(int count, char** words) { (void)words; return first(count) == 0; }
        """)
    subprocess.run(["gcc", "-g", "-O2", "-fomit-frame-pointer", "-fno-builtin", source, "-o", program], check=True)
    trace = pathlib.Path(folder) / "t"
    run = basalt("record", "--unwind", "libunwind", "-o", trace, "--", program)
    if "is not installed" in run.stderr:
        print("not run here:", run.stderr)
        return
    equal(run.returncode, 0, run.stderr)
    collapsed = basalt("export", "--to", "collapsed", trace).stdout
    check("main;first;second;third 1001" in collapsed, "every caller: " + collapsed)


def pointers_and_times(folder):
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-o", trace, "--time", "--pointers", "--", compile_program(folder, "busy"), 2000)
    found = events(trace)
    times = [e["time_ns"] for e in found]
    check(max(times) < 60e9, f"times are since the beginning: {max(times)}")
    check(times[0] < times[-1], "time passes")
    equal(times, sorted(times), "and does not go back")
    equal([e["pointer"] for e in found if "pointer" in e and not {"block", "ended"} & e.keys() and e["op"] != "free-unknown"], [], "what is of no block has none")
    where = {}
    for e in found:
        if "ended" in e:
            equal(where[e["ended"]], e["pointer"], "a block ends where it began")
        if "block" in e:
            where[e["block"]] = e["pointer"]
    check(len(set(where.values())) < len(where), "addresses come again")


def times_pass_while_the_tool_is_busy(folder):
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-o", trace, "--time", "--unwind", "none", "--", compile_program(folder, "busy"), 1_000_000)
    count = info(trace)["events"]
    early, late, last = (events(trace, "--from", at, "--count", 1)[0]["time_ns"] for at in (count // 4, count * 3 // 4, count - 1))
    check(late - early > last / 10, f"half of the events take their time: from {early} to {late} of {last}")


def threads(folder):
    trace = pathlib.Path(folder) / "t"
    run = basalt("record", "-o", trace, "--unwind", "none", "--", compile_program(folder, "threads"))
    equal(run.returncode, 0, run.stderr)
    about = info(trace)
    equal(about["unknown_frees"], 0, "every free was of a block that had begun")
    found = events(trace)
    equal(sum(16 <= e.get("size", 0) < 516 and e["thread"] != 0 for e in found), 4 * 20_000, "blocks of the threads")
    equal(len({e["thread"] for e in found}), 5, "threads")
    equal(sum(e["op"] == "thread-end" for e in found), 4, "ends of threads")


def forks_and_programs(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "children")
    def sizes(name):
        return {e.get("size") for e in events(name)} & {1001, 2002, 3003}
    basalt("record", "-o", trace, "--", program)
    equal(sizes(trace), {1001}, "the process alone")
    trace.unlink()
    basalt("record", "--children", "-o", trace, "--", program)
    files = sorted(pathlib.Path(folder).glob("t.*"))
    equal(sizes(trace), {1001}, "the first process")
    equal(sizes(files[-1]), {3003}, "its child, as what it went on as")
    check(files[-1].name.endswith(".trace"), f"its name: {files[-1]}")
    basalt("record", "-o", trace, "--", "sh", "-c", f"exec {program} again")
    equal(sizes(trace), {3003}, "a shell that goes on as the program")


def children_have_names(folder):
    busy = compile_program(folder, "busy")
    run = basalt("record", "--children", "-o", f"{folder}/all.trace", "--", "sh", "-c", f"{busy} 100000; {busy} 10; true")
    equal(run.returncode, 0, run.stderr)
    said = re.search(rf"basalt: 19[.0-9]+ k events of process (\d+), {busy} 100000, in {folder}/all\.\1\.trace", run.stderr)
    check(said, run.stderr)
    check(f"next: basalt report {folder}/all.{said[1]}.trace · " in run.stderr, "the one with the most events: " + run.stderr)
    equal(info(f"{folder}/all.{said[1]}.trace")["command"], [str(busy), "100000"], "its trace says so")


def ends_of_all_kinds(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    killed = basalt("record", "-o", trace, "--", program, 100_000, "kill")
    equal(killed.returncode, 128 + signal.SIGKILL, "killed")
    check(info(trace)["events"] > 198_000, "what a killed program did is there")
    equal(info(trace)["ending"], "whole", "ending")
    missing = basalt("record", "-o", trace, "--", "/no/such/program")
    equal(missing.returncode, 127, "no program")
    check("cannot be run: No such file" in missing.stderr, missing.stderr)
    equal(basalt("record", "-o", trace, "--", folder).returncode, 126, "a folder")
    static = basalt("record", "-o", trace, "--", compile_program(folder, "busy", "-static"))
    equal(static.returncode, 1, "a static program")
    check("did not load the recorder" in static.stderr and static.stdout == "done\n", static.stderr)
    equal(basalt("record", "-o", "/no/such/folder/t", "--", program).returncode, 2, "a folder that is not there")
    equal(basalt("record").returncode, 2, "no program named")


def what_is_there_stays_until_something_is_recorded(folder):
    """The trace of another run, a link, or a device: a program that cannot be started, or does not load the recorder, costs nothing of it."""
    kept, link, node = (pathlib.Path(folder) / name for name in ("kept.trace", "link.trace", "node"))
    basalt("record", "-q", "-o", kept, "--", "true")
    link.symlink_to(kept.name)
    there, static = [kept, link], compile_program(folder, "busy", "-static")
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # as /dev/null is, which it is better not to try this on
        there.append(node)
    except OSError as error:
        print("no device can be made here:", error)
    before, found = kept.read_bytes(), sorted(os.listdir(folder))
    for command, status in ((["/nonexist"], 127), ([folder], 126), ([static, 10], 1)):
        for path in there:
            equal(basalt("record", "-o", path, "--", *command).returncode, status, f"{command} into {path}")
        equal(kept.read_bytes() == before, True, f"{command}: the trace is as it was")
        equal(basalt("record", "-o", f"{folder}/new.trace", "--", *command).returncode, status, f"{command} into a new file")
        equal(sorted(os.listdir(folder)), found, f"{command}: files")
    check(node not in there or stat.S_ISCHR(node.stat().st_mode), "the device is one")
    equal(basalt("record", "-q", "-o", link, "--", compile_program(folder, "busy"), 100).returncode, 0, "into the link")
    check(link.is_symlink() and info(kept)["events"] > 100, "what was recorded is where it leads")
    again = basalt("record", "-q", "-o", kept, "--", "sh", "-c", f"exec {static} 10")
    equal((again.returncode, info(kept)["command"][0]), (0, "sh"), "a shell goes on as what loads nothing: the shell's is there")


def limits_stop_the_recording_and_not_the_program(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    cut = basalt("record", "-o", trace, "--max-size", "300K", "--", program, 1_000_000)
    equal((cut.returncode, cut.stdout), (0, "done\n"), "the program goes on past the limit")
    check("cut at its limit" in cut.stderr, cut.stderr)
    check(info(trace)["ending"].startswith("cut: the file was as long"), "ending")
    check(trace.stat().st_size < 600_000, "the limit is about kept")
    full = basalt("record", "-o", "/dev/full", "--", program, 1_000_000)
    equal((full.returncode, full.stdout), (0, "done\n"), "the program goes on when the disk is full")
    check("No space left on device" in full.stderr, full.stderr)


def a_file_size_limit_stops_the_recording_and_not_the_program(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    def limited(kib, *words):
        return subprocess.run(["bash", "-c", f'ulimit -f {kib}; exec "$@"', "bash", TOOL, *map(str, words)], capture_output=True, text=True, timeout=100)
    for kib in (0, 4096, 8447):  # less than a ring
        run = limited(kib, "record", "-o", trace, "--", program, 100)
        equal((run.returncode, run.stdout), (1, "done\n"), f"ulimit -f {kib}: {run.stderr}")
        check("ulimit -f" in run.stderr and "did not load" not in run.stderr, run.stderr)
    run = limited(4096, "check", "--no-leaks", "--", program, 100)
    equal((run.returncode, run.stdout), (2, "done\n"), run.stderr)
    check("ulimit -f" in run.stderr and "did not load" not in run.stderr, run.stderr)
    run = limited(8448, "record", "-o", trace, "--unwind", "none", "--", program, 6_000_000)
    equal((run.returncode, run.stdout), (0, "done\n"), "a limit that the trace exceeds: " + run.stderr)
    check("is not whole: File too large" in run.stderr, run.stderr)
    run = basalt("record", "-o", trace, "--", "bash", "-c", f"ulimit -f 100; {program} 100; exec {program} 10")
    equal((run.returncode, run.stdout), (0, "done\ndone\n"), "a program that limits its children: " + run.stderr)


def little_shared_memory(folder):
    """/dev/shm that can be written to, but has no room for a ring: TMPDIR has."""
    program, trace, small = compile_program(folder, "busy"), pathlib.Path(folder) / "t", pathlib.Path(folder) / "small"
    small.mkdir()
    script = f"""
        mount -t tmpfs -o size=4m tmpfs /dev/shm && mount -t tmpfs -o size=1m tmpfs {small} || exit 77
        TMPDIR={folder} {TOOL} record -o {trace} -- {program} 1000 || exit 1
        TMPDIR={small} {TOOL} record -o {trace}.none -- {program} 1000
        echo $?
        """
    run = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=100)
    if run.returncode == 77 or "unshare failed" in run.stderr:
        print("not run here: no file system can be mounted:", run.stderr.strip())
        return
    equal(run.stdout, "done\n2\n", run.stderr)
    check(info(trace)["events"] > 1000, "recorded in TMPDIR")
    check(f"no room for 8 MiB to record in, in /dev/shm or in {small}" in run.stderr and "did not load" not in run.stderr, run.stderr)


def a_recorder_that_stands_still_lets_the_program_go(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    run = subprocess.Popen([TOOL, "record", "-o", trace, "--", program, "3000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not trace.exists() or trace.stat().st_size < 100_000:
        time.sleep(0.002)
    run.send_signal(signal.SIGSTOP)
    equal(run.stdout.readline(), "done\n", "the program ends although nobody reads")
    run.send_signal(signal.SIGCONT)
    _, said = run.communicate(timeout=60)
    check("could not be written as fast" in said, said)
    check(info(trace)["ending"].startswith("cut: the recorder could not"), "ending")
    equal(len(events(trace, "--count", 100)), 100, "what was recorded can be read")


def handlers_and_forks(folder):
    trace = pathlib.Path(folder) / "t"
    run = basalt("record", "-o", trace, "--", compile_program(folder, "busy_in_handlers"))
    equal(run.returncode, 0, run.stderr)
    equal(info(trace)["unknown_frees"], 0, "unknown frees")
    sizes = [e.get("size") for e in events(trace)]
    equal(sizes.count(33), 300_000, "blocks of the program")
    check(sizes.count(77) > 10, "blocks of its handler")


def a_library(folder):
    """One whose constructor and destructor allocate."""
    source, library = pathlib.Path(folder) / "library.c", pathlib.Path(folder) / "library.so"
    source.write_text("""
        #include <stdlib.h>
        static void* volatile kept;
        __attribute__((constructor)) static void begin(void) { kept = malloc(6006); }
        __attribute__((destructor)) static void end(void) { free(kept); }
        """)
    subprocess.run(["gcc", "-g", "-O1", "-fno-omit-frame-pointer", "-fno-builtin", "-shared", "-fPIC", source, "-o", library], check=True)
    return library


def storms_of_threads_libraries_and_forks(folder):
    trace, library, program = pathlib.Path(folder) / "t", a_library(folder), compile_program(folder, "storms")
    run = basalt("record", "-o", trace, "--time", "--pointers", "--", program, library)
    equal(run.returncode, 0, run.stderr)
    about, found = info(trace), events(trace)
    equal((about["ending"], about["unknown_frees"], about["damage"]), ("whole", 0, ""), "the trace")
    sizes = [e.get("size") for e in found]
    equal(sum(2000 <= (size or 0) < 2016 for size in sizes), 20 * 16 * 100, "blocks of the threads")
    check(6006 in sizes and 4004 not in sizes, "blocks of the library, and none of a child")
    equal(sum(e["op"] == "thread-end" for e in found), 20 * 16, "threads that ended")
    again = basalt("record", "-o", trace, "--", program, library, "more")
    equal((again.returncode, again.stdout), (0, "again\n"), again.stderr)
    sizes = {e.get("size") for e in events(trace)}
    check(5005 in sizes and 3003 not in sizes, "the program that it went on as, and that alone")


def killed_in_the_midst_of_threads(folder):
    source, program = pathlib.Path(folder) / "endless.cpp", pathlib.Path(folder) / "endless"
    source.write_text("""
        #include <signal.h>
        #include <stdlib.h>
        #include <unistd.h>
        #include <thread>
        int main(int, char** words) {
          for (int i = 0; i != 3; ++i) std::thread{[] { for (;;) free(malloc(48)); }}.detach();
          usleep(atoi(words[1]));
          kill(getpid(), SIGKILL);
        }
        """)
    subprocess.run(["g++", "-O1", "-fno-builtin", source, "-o", program, "-pthread"], check=True)
    trace = pathlib.Path(folder) / "t"
    for microseconds in (50_000, 50_001, 100_000, 150_000):
        run = basalt("record", "-o", trace, "--", program, microseconds)
        equal(run.returncode, 128 + signal.SIGKILL, run.stderr)
        about = info(trace)
        check(about["events"] > 1000, f"what it did is there: {about['events']}")
        equal((about["unknown_frees"], about["damage"]), (0, ""), "and is sound")


def a_tool_that_is_killed_leaves_what_it_wrote(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    run = subprocess.Popen([TOOL, "record", "-o", trace, "--", program, "3000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not trace.exists() or trace.stat().st_size < 100_000:
        time.sleep(0.002)
    rings = set(re.findall("/dev/shm/basalt-[^/]+", pathlib.Path(f"/proc/{run.pid}/maps").read_text()))
    run.kill()
    equal(run.stdout.readline(), "done\n", "the program ends although nobody reads")
    run.communicate(timeout=60)
    about = info(trace)
    check(about["events"] >= 65_536, f"whole blocks of events: {about['events']}")
    check("the recording was interrupted" in about["damage"], about["damage"])
    for ring in rings:
        os.rmdir(ring)


def a_tool_that_is_killed_loses_two_seconds_at_most(folder):
    """Of a program that is so slow that it would fill no block of the trace in a day."""
    source, program, trace = pathlib.Path(folder) / "slow.c", pathlib.Path(folder) / "slow", pathlib.Path(folder) / "t"
    source.write_text("""
        #include <stdlib.h>
        #include <unistd.h>
        int main(void) { for (int i = 0; i != 1500; ++i) { free(malloc(4321)); usleep(10000); } return 0; }
        """)
    subprocess.run(["gcc", "-O1", "-fno-omit-frame-pointer", "-fno-builtin", source, "-o", program], check=True)
    run = subprocess.Popen([TOOL, "record", "-o", trace, "--", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    def ready():
        return trace.exists() and basalt("info", "--json", trace).stdout and info(trace)["events"] > 10
    end = time.monotonic() + 10
    while not ready() and time.monotonic() < end:
        time.sleep(0.1)
    rings = set(re.findall("/dev/shm/basalt-[^/]+", pathlib.Path(f"/proc/{run.pid}/maps").read_text()))
    run.kill()
    run.communicate(timeout=60)
    about = info(trace)
    check(about["events"] > 10, f"events that are there: {about['events']}")
    check("the recording was interrupted" in about["damage"], about["damage"])
    check(f"{program}+0x" in basalt("dump", "--stacks", trace).stdout, "with their stacks")
    for ring in rings:
        os.rmdir(ring)


def a_disk_that_fills_up(folder):
    disk, program = pathlib.Path(folder) / "disk", compile_program(folder, "busy")
    disk.mkdir()
    script = f"""
        mount -t tmpfs -o size=200k tmpfs {disk} || exit 77
        {TOOL} record -o {disk}/t -- {program} 1000000 || exit 1
        {TOOL} info --json {disk}/t
        """
    run = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=100)
    if run.returncode == 77 or "unshare failed" in run.stderr:
        print("not run here: no file system can be mounted:", run.stderr.strip())
        return
    check(run.stdout.startswith("done\n"), f"the program goes on: {run.stdout} {run.stderr}")
    check("No space left on device" in run.stderr, run.stderr)
    about = json.loads(run.stdout.removeprefix("done\n"))
    check(about["events"] >= 65_536, f"what was written before can be read: {about['events']}")


def only_the_end(folder):
    trace, program = pathlib.Path(folder) / "t", compile_program(folder, "waves")
    run = basalt("record", "--last", "300ms", "--time", "-o", trace, "--", program)
    equal(run.returncode, 0, run.stderr)
    found = events(trace)
    sizes = {e.get("size") for e in found}
    check(5000 in sizes, "what was allocated before, and still lives, is there at the beginning")
    check(1019 in sizes and 1000 not in sizes, f"the last waves are there, and the first are not: {sorted(s for s in sizes if s)}")
    equal(info(trace)["unknown_frees"], 0, "every free has its block")
    equal([p.name for p in pathlib.Path(folder).glob("t*")], ["t"], "one file")
    equal(basalt("record", "--last", "soon", "--", program).returncode, 2, "no time")


def nothing_is_left_behind(folder):
    before = set(os.listdir("/dev/shm"))
    basalt("record", "-q", "-o", pathlib.Path(folder) / "t", "--", compile_program(folder, "busy"))
    equal({name for name in os.listdir("/dev/shm") if name.startswith("basalt-")} - before, set(), "shared memory")


if __name__ == "__main__":
    main(all_ways, stacks_lead_to_the_caller, stacks_without_frame_pointers, pointers_and_times,
         times_pass_while_the_tool_is_busy, threads, forks_and_programs, children_have_names, ends_of_all_kinds,
         what_is_there_stays_until_something_is_recorded,
         limits_stop_the_recording_and_not_the_program, a_file_size_limit_stops_the_recording_and_not_the_program, little_shared_memory,
         a_recorder_that_stands_still_lets_the_program_go, handlers_and_forks, storms_of_threads_libraries_and_forks,
         killed_in_the_midst_of_threads, a_tool_that_is_killed_leaves_what_it_wrote, a_tool_that_is_killed_loses_two_seconds_at_most,
         a_disk_that_fills_up, only_the_end,
         nothing_is_left_behind)
