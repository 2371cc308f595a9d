#!/usr/bin/env python3
"""A replay does what the trace says, on every allocator, and says what it found."""
import json
import os
import pathlib
import re
import subprocess

from tool import BUILD, basalt, check, compile_program, equal, info, main


def recorded(folder, name, *arguments):
    trace = pathlib.Path(folder) / (name + ".trace")
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, name), *arguments)
    return trace


def replayed(trace, *options):
    run = basalt("replay", "--json", "-r", 1, *options, trace)
    equal(run.returncode, 0, run.stderr)
    return json.loads(run.stdout)


def every_allocator_of_ours_plays(folder):
    trace = recorded(folder, "busy", 50_000)
    result = replayed(trace, "-a", f"basalt,hardened,small,glibc,{BUILD}/lib/libbasalt.so")
    equal([a["name"] for a in result["allocators"]], ["basalt", "hardened", "small", "glibc", "libbasalt.so"], "names")
    for allocator in result["allocators"]:
        check(allocator["median_ns"] > 0 and allocator["failed"] == 0, allocator["name"])
        check(allocator["peak_bytes"] >= result["live_peak_bytes"], f"{allocator['name']} holds what is live")
        equal(len(allocator["resident"]), len(result["samples"]["event"]), "samples")
    equal(result["live_peak_bytes"], info(trace)["peak_bytes"], "the live peak is the program's own")
    check(result["operations"] > 98_000, "operations")


def threads_wait_for_each_other_and_for_nothing_else(folder):
    trace = recorded(folder, "threads")
    kept = replayed(trace, "-a", "basalt,glibc", "--touch", "all")
    check(2 <= kept["threads"] <= 5, "as many threads as lived at once")
    alone = replayed(trace, "-a", "basalt", "--threads", "1", "--touch", "none")
    equal(alone["threads"], 1, "one thread")
    equal(alone["operations"], kept["operations"], "operations")
    for one in (*kept["allocators"], *alone["allocators"]):
        check(one["resident_over_live_at_peak"] > 0, f"{one['name']}: a share at the peak, however many threads there are")


def threads_are_at_the_same_event_when_memory_is_looked_at(folder):
    """Each thread fills 4 MiB, and only then any of them frees: that much is live at once, whichever thread gets on first."""
    source, program, trace = (pathlib.Path(folder) / name for name in ("fill.cpp", "fill", "t"))
    source.write_text("""
        #include <barrier>
        #include <cstdlib>
        #include <thread>
        #include <vector>
        int main() {
          std::barrier full{4};
          std::vector<std::thread> all;
          for (int i = 0; i != 4; ++i) all.emplace_back([&] {
            std::vector<void*> own;
            for (int n = 0; n != 4096; ++n) own.push_back(std::malloc(1024));
            full.arrive_and_wait();
            for (void* one : own) std::free(one);
          });
          for (std::thread& one : all) one.join();
        }
        """)
    subprocess.run([os.environ.get("CXX", "g++"), "-std=c++20", "-O1", "-fno-builtin", "-pthread", source, "-o", program], check=True)
    basalt("record", "-q", "-o", trace, "--", program)
    for allocator in replayed(trace, "-a", "basalt,glibc", "--touch", "all")["allocators"]:
        check(allocator["peak_bytes"] > 16 << 20, f"{allocator['name']}: {allocator['peak_bytes']} bytes at the peak")


def every_operation(folder):
    result = replayed(recorded(folder, "every_way"), "-a", "basalt,glibc")
    equal(result["allocators"][0]["failed"], 0, "nothing is refused")


def the_peak_is_reproduced_to_the_byte(folder):
    """What is played by one thread holds at its peak what the program held, as an allocator that counts sees it."""
    counting, told = compile_program(folder, "counting", "-shared", "-fPIC"), pathlib.Path(folder) / "peaks"
    for name, *arguments in (["every_way"], ["busy", 20_000], ["memory_habits"], ["threads"]):
        trace = recorded(folder, name, *arguments)
        told.unlink(missing_ok=True)
        run = basalt("replay", "--json", "-r", 1, "--threads", "1", "-a", counting, trace, env={**os.environ, "COUNTING_TO": str(told)})
        equal(run.returncode, 0, run.stderr)
        equal(json.loads(run.stdout)["live_peak_bytes"], info(trace)["peak_bytes"], f"{name}: the live peak")
        equal({int(line) for line in told.read_text().split()}, {info(trace)["peak_bytes"]}, f"{name}: what the player held")


def what_is_preloaded_already_is_not_played(folder):
    """Every allocator is the one that its row names, whatever the tool was started with."""
    counting, told, trace = compile_program(folder, "counting", "-shared", "-fPIC"), pathlib.Path(folder) / "peaks", recorded(folder, "busy", 1000)
    run = basalt("replay", "--json", "-r", 1, "-a", "glibc,basalt", trace, env={**os.environ, "LD_PRELOAD": str(counting), "COUNTING_TO": str(told)})
    equal(run.returncode, 0, run.stderr)
    tool_alone = len(told.read_text().split())  # the tool itself counts
    equal(tool_alone, 1, "processes that counted: the tool, and no player")


def words_and_pages(folder):
    trace, page = recorded(folder, "busy", 20_000), pathlib.Path(folder) / "p.html"
    run = basalt("replay", "-a", "basalt,glibc", "-r", 3, "--html", page, trace)
    equal(run.returncode, 0, run.stderr)
    check(re.search(r"(is the fastest|equally fast)", run.stdout), "a verdict: " + run.stdout)
    check(re.search(r"next: .*basalt run -a (basalt|glibc) -- ", run.stderr), "what to do next: " + run.stderr)
    check("no work between its calls" in run.stdout, "what it cannot see")
    html = page.read_text()
    check(html.count("<polyline") == 3 and html.count("</svg>glibc</span>") == 1, "curves, and their names")
    check("http" not in html and "<script" not in html, "the page needs nothing but itself")


def what_is_not_known_is_not_compared(folder):
    """A replay whose rounds took no longer than the player alone, as it is written now and as it was."""
    paths = [pathlib.Path(folder) / name for name in ("sound", "swallowed", "as it was")]
    for path, times in zip(paths, ([2e6, 2.1e6, 2.2e6], [0, 1e6, 1.1e6], [1.0, 1.0, 1.0])):
        path.write_text(json.dumps({"kind": "basalt replay", "trace": "t", "allocators": [{"name": "glibc", "time_ns": times, "own_ns": [5e6, 6e6, 7e6],
                                                                                          "peak_bytes": 100}]}))
    for bad in paths[1:]:
        for pair in ((paths[0], bad), (bad, paths[0])):
            run = basalt("compare", *pair)
            equal(run.returncode, 0, run.stderr)
            check(re.search(r"glibc: time +- +- +not known", run.stdout) and "glibc: time is not known" in run.stderr, run.stdout + run.stderr)
            row = json.loads(basalt("compare", "--json", *pair).stdout)["rows"][0]
            equal((row["change"], row["judged"], row["regressed"]), (None, False, False), "as JSON")
            run = basalt("compare", "--max-regress", "1000%", *pair)
            equal((run.returncode, run.stdout), (2, ""), "with a bound")
    row = json.loads(basalt("compare", "--json", paths[0], paths[0]).stdout)["rows"][0]
    equal((row["before"], row["ratio"], row["judged"]), (2.1e6, [1, 1, 1], True), "sound ones are")


def all_that_are_here(folder):
    result = replayed(recorded(folder, "busy", 5000), "-a", "all")
    names = [allocator["name"] for allocator in result["allocators"]]
    equal(names[:4], ["basalt", "hardened", "small", "glibc"], "ours and the system's")
    equal(len(set(names)), len(names), "each once")


def mistakes(folder):
    trace = recorded(folder, "busy", 10)
    unknown = basalt("replay", "-a", "nomalloc", trace)
    equal(unknown.returncode, 2, "an allocator that is not known")
    check("there is no allocator called nomalloc" in unknown.stderr, unknown.stderr)
    equal(basalt("replay", "-a", "/no/lib.so", trace).returncode, 2, "a library that is not there")
    none = basalt("replay", "-a", trace, trace)
    check(none.returncode == 2 and "is no library with a malloc in it" in none.stderr, f"a file without a malloc: {none.stderr}")
    twice = basalt("replay", "-a", "glibc,basalt,glibc", trace)
    check(twice.returncode == 2 and "glibc is named twice" in twice.stderr, f"one allocator twice: {twice.stderr}")
    equal(basalt("replay", folder + "/none").returncode, 2, "a trace that is not there")
    junk = pathlib.Path(folder) / "junk"
    junk.write_bytes(b"x" * 1000)
    run = basalt("replay", junk)
    equal(run.returncode, 2, "no trace")
    check("is not a Basalt trace" in run.stderr, run.stderr)


if __name__ == "__main__":
    main(every_allocator_of_ours_plays, threads_wait_for_each_other_and_for_nothing_else, threads_are_at_the_same_event_when_memory_is_looked_at,
         every_operation, the_peak_is_reproduced_to_the_byte, what_is_preloaded_already_is_not_played, words_and_pages,
         what_is_not_known_is_not_compared, all_that_are_here, mistakes)
