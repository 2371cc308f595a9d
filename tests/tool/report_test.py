#!/usr/bin/env python3
"""What a report says of a program whose habits are known; what comparing and checking make of it; what other tools are given."""
import csv
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import subprocess

from tool import BUILD, HERE, TOOL, basalt, check, compile_program, equal, events, info, main


def recorded(folder, *options, name="memory_habits"):
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-q", *options, "-o", trace, "--", compile_program(folder, name))
    return trace


def report(trace, *options):
    run = basalt("report", *options, trace)
    equal(run.returncode, 0, run.stderr)
    return run.stdout


def the_habits_are_found(folder):
    trace = recorded(folder)
    about = json.loads(report(trace, "--json"))
    sites = {site["name"].split("(")[0].strip(): site for site in about["sites"]}
    equal(sites["hold_most"]["chosen"], {"blocks": 1, "bytes": 3_000_000}, "who holds most at the peak")
    equal(sites["forget_blocks"]["left"], {"blocks": 2000, "bytes": 48_000}, "who forgets")
    equal(sites["make_a_buffer_each_time"]["temporary"], {"blocks": 5000, "bytes": 1_000_000}, "who allocates for a moment")
    equal(sites["grow_a_vector"]["longest_growth"], 12, "who grows")
    check("memory_habits.cpp:" in next(s["name"] for s in about["sites"] if "hold_most" in s["name"]), "files and lines")
    told = {advice["what"].split(":")[0]: advice["what"] for advice in about["advice"]}
    check("grow_a_vector" in told.get("reserve", ""), f"reserve: {told}")
    check("make_a_buffer_each_time" in told.get("pool, or a local variable", ""), f"pool: {told}")
    check("forget_blocks" in told.get("arena", ""), f"arena: {told}")
    equal(about["chosen"]["bytes"], info(trace)["peak_bytes"], "the peak is the trace's own")


def words(folder):
    trace = recorded(folder, "--time", "--pointers")
    text = report(trace, "--all", "--stacks")
    for part in ("hold_most", "What is not freed", "Sizes asked for", "Lifetimes", "Which thread frees", "less than a quarter full",
                 "What could be done", "main (memory_habits.cpp:"):
        check(part in text, f"{part!r} in the report")
    check("at 0.0s" in report(trace, "--at", "0.0s"), "a moment by its time")
    check("at the end" in report(trace, "--at", "end", "--top"), "the end")
    plain = recorded(folder, "--unwind", "none")
    check("has no stacks" in report(plain), "a trace without stacks says so")
    check("has no addresses" in report(plain, "--fragmentation"), "a trace without addresses says so")
    late = basalt("report", "--at", "1s", plain)
    equal(late.returncode, 2, "a time without times")
    check("record it with --time" in late.stderr, late.stderr)
    equal(basalt("report", "--at", "noon", plain).returncode, 2, "no moment")


def pages(folder):
    page = pathlib.Path(folder) / "p.html"
    report(recorded(folder), "--html", page)
    html = page.read_text()
    check(html.count("<polyline") == 1 and html.count('class="bars"') == 2 and 'class="flame"' in html, "curve, flames, sizes, lifetimes")
    check(re.search(r'width:\d+[.]\d+%[^>]*title="hold_most[^"]*\n2.9 MiB, \d+[.]\d %"', html), "who holds most")
    check("http" not in html and "src=" not in html and "url(" not in html, "the page needs nothing but itself")
    check("prefers-color-scheme:dark" in html, "by night")
    rows = re.findall("<span>([^<]*)</span><div><span", html.split("Sizes asked for")[1].split("<h2>")[0])
    check([row for row in rows if row in ("128 to 255", "256 to 511", "512 to 1023", "1.0 KiB to 2.0 KiB")] == rows[rows.index("128 to 255"):][:4],
          f"sizes without a gap: {rows}")


def short_stacks_are_mentioned(folder):
    source, program = pathlib.Path(folder) / "leaf.c", pathlib.Path(folder) / "leaf"
    source.write_text("""
        #include <stdlib.h>
        __attribute__((noinline)) void* leaf(unsigned long size) { void* volatile one = malloc(size); return one; }
        int main(void) { for (int i = 0; i < 1000; ++i) free(leaf(100)); return 0; }
        """)
    for options, is_short in ((["-fno-omit-frame-pointer"], False), (["-fomit-frame-pointer"], True)):
        subprocess.run(["gcc", "-O1", "-fno-builtin", *options, source, "-o", program], check=True)
        trace = pathlib.Path(folder) / "t"
        basalt("record", "-q", "-o", trace, "--", program)
        equal("only one call is known; basalt record --unwind libunwind" in report(trace), is_short, f"{options}: a word on stacks")


def what_lies_before_a_damage_is_looked_at(folder):
    trace, busy = pathlib.Path(folder) / "t", compile_program(folder, "busy")
    basalt("record", "-q", "-o", trace, "--", busy, 400_000)
    whole = trace.read_bytes()
    trace.write_bytes(whole[:len(whole) // 2] + b"damage" + whole[len(whole) // 2 + 6:])
    for moment in ("peak", "end"):
        run = basalt("report", "--top", "--at", moment, trace)
        check("is damaged at event" in run.stderr and "churn (busy.c" in run.stdout, f"{moment}: {run.stdout}{run.stderr}")
    check("churn" in basalt("export", "--to", "collapsed", trace).stdout, "collapsed stacks of what can be read")
    trace.write_bytes(whole[:len(whole) // 2])
    check("churn (busy.c" in report(trace, "--top") and "(not known)" not in report(trace, "--top"), "what is cut still names its calls")


def a_program_that_changed_has_no_names(folder):
    program = compile_program(folder, "memory_habits")
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-q", "-o", trace, "--", program)
    shutil.copy("/bin/true", program)
    run = basalt("report", trace)
    check("is another file now than when it was recorded" in run.stderr, run.stderr)
    check("hold_most" not in run.stdout and "memory_habits+0x" in run.stdout, "addresses in its file instead")


def budgets(folder):
    program, busy = compile_program(folder, "memory_habits"), compile_program(folder, "busy")
    kept = basalt("check", "--max-peak", "4M", "--max-allocs", 50_000, "--", program)
    equal(kept.returncode, 0, kept.stderr)
    over = basalt("check", "--max-peak", "2M", "--", program)
    equal(over.returncode, 1, "too much")
    check("EXCEEDED  peak of live bytes: 2.9 MiB, allowed 2.0 MiB" in over.stderr, over.stderr)
    leaks = basalt("check", "--no-leaks", "--", program)
    equal(leaks.returncode, 1, "leaks")
    check("2000 (46.9 KiB), allowed 0" in leaks.stderr and "forget_blocks" in leaks.stderr, leaks.stderr)
    equal(basalt("check", "--no-leaks", "--suppress", "forget_blocks", "--", program).returncode, 0, "a leak that is none")
    equal(basalt("check", "--max-allocs", 1_000_000, "--", busy, 10, "kill").returncode, 137, "the program's own end comes first")
    equal(basalt("check", "--", program).returncode, 2, "nothing to check")
    equal(basalt("check", "--max-peak", "much", "--", program).returncode, 2, "no size")
    said = json.loads(basalt("check", "--json", "--max-allocs", "0.01K", "--max-peak", "4M", "--", program).stdout)
    peak, count = said["budgets"]
    equal((peak["allowed_bytes"], peak["kept"], count["allowed_blocks"], count["kept"]), (4 << 20, True, 10, False), "as JSON")
    check(2_900_000 < peak["found_bytes"] < 3_100_000 and count["found_blocks"] > 9_000, f"figures: {said}")
    equal((said["status"], said["ended"]), (0, "exit 0"), "how it ended")
    equal(basalt("check", "--max-allocs", "many", "--", program).returncode, 2, "no count")
    for arguments, ending in ((["sh", "-c", "exit 3"], "sh: exit 3"), ([busy, 10, "kill"], "busy: killed by SIGKILL")):
        check(ending in basalt("check", "--max-peak", "1G", "--", *arguments).stderr, ending)


def a_budget_is_of_one_process(folder):
    """A shell round the program keeps to any budget: that is said."""
    busy, words = compile_program(folder, "busy"), "started other processes, and what these needed is not counted"
    for command, others in (([busy, 10], False), (["sh", "-c", f"{busy} 10; true"], True), (["sh", "-c", f"exec {busy} 10"], False),
                            ([compile_program(folder, "threads")], False)):
        run = basalt("check", "--max-allocs", "10M", "--", *command)
        equal((run.returncode, words in run.stderr), (0, others), f"{command}: {run.stderr}")
        said = basalt("check", "--json", "--max-allocs", "10M", "--", *command).stdout
        equal(json.loads(said[said.index("{\n"):])["children_not_counted"], others, f"{command}: as JSON")


def comparisons(folder):
    small, large = pathlib.Path(folder) / "a", pathlib.Path(folder) / "b"
    busy = compile_program(folder, "busy")
    basalt("record", "-q", "-o", small, "--", busy, 1000)
    basalt("record", "-q", "-o", large, "--", busy, 5000)
    equal(basalt("compare", "--max-regress", "3%", small, small).returncode, 0, "the same is no regression")
    worse = basalt("compare", "--max-regress", "3%", small, large)
    equal(worse.returncode, 1, "more is a regression")
    check("REGRESSED" in worse.stdout and re.search(r"allocations\s+1\d{3}\s+5\d{3}", worse.stdout), worse.stdout)
    equal(basalt("compare", "--max-regress", "3%", large, small).returncode, 0, "less is none")
    rows = {row["name"]: row for row in json.loads(basalt("compare", "--json", "--max-regress", "3%", small, large).stdout)["rows"]}
    equal([rows[name]["regressed"] for name in ("allocations", "temporary ones")], [True, False], "a part of them is not judged again")
    results = []
    for name in ("x.json", "y.json"):
        results.append(pathlib.Path(folder) / name)
        results[-1].write_text(basalt("replay", "--json", "-r", 3, "-a", "basalt,glibc", large).stdout)
    run = basalt("compare", *results)
    equal(run.returncode, 0, run.stderr)
    check("glibc: time" in run.stdout and "basalt: peak" in run.stdout, run.stdout)
    check(run.stderr.endswith(f"next: basalt report {large}\n"), run.stderr)
    mixed = basalt("compare", results[0], small)
    equal(mixed.returncode, 2, "two that cannot be compared")
    check(f"{results[0]} is the result of a replay, and {small} is a trace" in mixed.stderr, mixed.stderr)
    profiles = []
    for trace in (small, large):
        profiles.append(pathlib.Path(folder) / (trace.name + ".pb.gz"))
        basalt("export", "--to", "pprof", "-o", profiles[-1], trace)
    run = basalt("compare", "--max-regress", "3%", *profiles)
    equal(run.returncode, 1, run.stderr)
    check(re.search(r"alloc_objects\s+1\d{3}\s+5\d{3}", run.stdout), run.stdout)
    profiles[0].write_bytes(gzip.compress(b"no profile"))
    equal(basalt("compare", *profiles).returncode, 2, "no profile")


def comparisons_of_what_is_not_whole(folder):
    whole, cut, damaged, busy = (pathlib.Path(folder) / name for name in ("a", "b", "c", "busy"))
    compile_program(folder, "busy")
    basalt("record", "-q", "-o", whole, "--", busy, 100_000)
    basalt("record", "-q", "-o", cut, "--max-size", "20K", "--", busy, 1_000_000)
    damaged.write_bytes(whole.read_bytes()[:-3000])
    for bad in (cut, damaged):
        for pair in ((whole, bad), (bad, whole)):
            run = basalt("compare", "--max-regress", "1000%", *pair)
            equal(run.returncode, 2, f"{pair} with a bound")
            check(f"{bad} is not whole, so nothing is sure" in run.stderr and run.stdout == "", run.stderr)
            run = basalt("compare", *pair)
            equal(run.returncode, 0, f"{pair} to look at")
            check(f"{bad} is not whole" in run.stderr, run.stderr)


def info_says_what_is_damaged(folder):
    """One bit in the midst of the events, which no summary tells of."""
    trace = pathlib.Path(folder) / "t"
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, "busy"), 200_000)
    equal(basalt("info", trace).returncode, 0, "a whole one")
    check("the trace is whole" in basalt("info", trace).stdout, "a whole one")
    bytes_ = bytearray(trace.read_bytes())
    bytes_[len(bytes_) // 2] ^= 4
    trace.write_bytes(bytes_)
    run = basalt("info", trace)
    equal(run.returncode, 1, run.stdout)
    check("the trace is damaged\n" in run.stdout and "the trace is damaged at event " in run.stderr, run.stdout + run.stderr)
    check(info(trace)["damage"].startswith("the trace is damaged at event "), "as JSON")


def comparisons_of_profiles_have_names(folder):
    grows, few, many = compile_program(folder, "grows"), f"{folder}/few", f"{folder}/many"
    for profile, times in ((few, 100), (many, 300)):
        basalt("profile", "-q", "--period", 1, "-o", profile, "--", grows, times)
    run = basalt("compare", few, many)
    check(re.search(r"[+] .* that_grows \(grows.c:\d+\)", run.stdout) and "(not known)" not in run.stdout, run.stdout)
    check(f"next: go tool pprof -top -diff_base {few} {many}" in run.stderr, run.stderr)


def what_is_next_runs_as_it_is_printed(folder):
    """File names with spaces and quotes in them; each line is given to a shell that runs the tool's own commands, and only names the others."""
    trace, program = pathlib.Path(folder) / "it's a trace", pathlib.Path(folder) / "a busy one"
    compile_program(folder, "busy").rename(program)
    others, bin_folder = pathlib.Path(folder) / "others", pathlib.Path(folder) / "bin"
    bin_folder.mkdir()
    for name in ("pprof", "go", "flamegraph.pl"):
        (bin_folder / name).write_text(f'#!/bin/sh\nfor word; do test -e "$word" && echo "$word" >>{others}; done\nexit 0\n')
        (bin_folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{bin_folder}:{os.environ['PATH']}"}
    said = [basalt("record", "-o", trace, "--", program, 1000).stderr]
    for command in (["report"], ["info"], ["replay", "-r", 1, "-a", "basalt"], ["compare", trace], *(["export", "--to", kind, "-o", f"{folder}/an {kind}"]
                    for kind in ("pprof", "collapsed", "rep", "csv"))):
        said.append(basalt(*command, trace).stderr)
    said += [basalt("import", "-o", f"{folder}/a new one", f"{folder}/an rep").stderr, basalt("profile", "-o", f"{folder}/a profile", "--", program).stderr,
             basalt("replay", "-r", 1, "-a", "basalt", f"{folder}/a new one").stderr, basalt("check", "--no-leaks", "--", program, 100).stderr, basalt("run", "--", program).stderr]
    for text in said:
        lines = re.findall("^next: (.*)$", text, re.M)
        equal(len(lines), 1, f"one line: {text}")
        for line in "".join(lines).split(" · "):
            run = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
            equal(run.returncode, 0, f"{line}: {run.stderr}")
    equal(set(others.read_text().splitlines()), {f"{folder}/an pprof", f"{folder}/an collapsed", f"{folder}/a profile"}, "files for other tools")


def nothing_is_said_of_nothing(folder):
    """An empty trace has no shares and no sizes on average; a folder is no trace, and what is not there is said in our words."""
    heap, trace = pathlib.Path(folder) / "h", pathlib.Path(folder) / "t"
    heap.write_text("v 10400 3\n")
    said = basalt("import", "-o", trace, heap)
    check("next:" not in said.stderr, said.stderr)
    for command in (["report"], ["report", "--all"], ["info"]):
        run = basalt(*command, trace)
        equal(run.returncode, 0, run.stderr)
        check("  of all" not in run.stdout and "each" not in run.stdout and "next:" not in run.stderr, run.stdout + run.stderr)
    check("allocated    nothing" in basalt("report", trace).stdout, "what there is")
    equal(basalt("report", "--html", f"{folder}/p.html", trace).returncode, 0, "a page of nothing")
    heap.write_text("v 10400 3\n+ 10 1 a0\n")
    basalt("import", "-o", trace, heap)
    check("No block was freed." in basalt("report", "--threads", trace).stdout, "no share of no frees")
    for command in (["report"], ["info"], ["dump"], ["replay"], ["import"], ["export", "--to", "csv"], ["compare", trace]):
        for path, words in ((folder, f"{folder} is a folder"), (f"{folder}/none", "cannot be opened: No such file")):
            run = basalt(*command, path)
            equal(run.returncode, 2, f"{command} {path}")
            check(words in run.stderr and len(run.stderr.splitlines()) == 2, run.stderr)


def from_none_there_is_no_share(folder):
    none, some = pathlib.Path(folder) / "none", pathlib.Path(folder) / "some"
    for trace, text in ((none, "10\n1\n2\n1\na 0 10\nf 0\n"), (some, "10\n1\n1\n1\na 0 10\n")):
        trace.with_suffix(".rep").write_text(text)
        basalt("import", "-o", trace, trace.with_suffix(".rep"))
    run = basalt("compare", "--max-regress", "500%", none, some)
    equal(run.returncode, 1, "what was not there before is a regression")
    check(re.search(r"not freed at the end\s+0 B\s+10 B\s+from none\s+REGRESSED", run.stdout), run.stdout)
    rows = {row["name"]: row for row in json.loads(basalt("compare", "--json", none, some).stdout)["rows"]}
    equal(rows["not freed at the end"]["change"], None, "as JSON")


def what_cannot_be_printed_is_said(folder):
    trace = recorded(folder)
    with open("/dev/full", "w", encoding="utf-8") as full:
        for command in (["report", trace], ["report", "--json", trace], ["info", trace], ["info", "--json", trace], ["dump", "--count", 1, trace],
                        ["compare", trace, trace], ["check", "--json", "--max-peak", "1G", "--", "true"], ["replay", "-r", 1, "-a", "glibc", trace],
                        ["doctor", "--", "ls"], ["export", "--to", "collapsed", trace], ["--version"], ["report", "--help"]):
            run = subprocess.run([TOOL, *map(str, command)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=100)
            equal(run.returncode, 2, f"{command}: {run.stderr}")
            check("whole" in run.stderr or "No space left" in run.stderr, f"{command}: {run.stderr}")


def exports(folder):
    trace, out = recorded(folder), pathlib.Path(folder) / "out"
    rows = list(csv.DictReader(io.StringIO(basalt("export", "--to", "csv", trace).stdout)))
    equal(len(rows), info(trace)["events"], "lines of CSV")
    equal(sum(row["size"] == "24" for row in rows), 2000, "sizes in CSV")
    lines = [json.loads(line) for line in basalt("export", "--to", "json", trace).stdout.splitlines()]
    equal(len(lines), len(rows), "lines of JSON")
    collapsed = basalt("export", "--to", "collapsed", trace).stdout
    check(re.search(r"main;hold_most\(\) 3000000$", collapsed, re.M), "collapsed stacks: " + collapsed[:300])
    equal(basalt("export", "--to", "pprof", "-o", out, trace).returncode, 0, "pprof")
    text = subprocess.run(["protoc", "--decode=Profile", f"-I{HERE.parent / 'support'}", "profile.proto"],
                          input=gzip.decompress(out.read_bytes()), capture_output=True, check=True).stdout.decode()
    check('string_table: "hold_most()"' in text or "hold_most" in text, "names in pprof")
    check(re.search(r"value: 1\s+value: 3000000\s+value: 1\s+value: 3000000", text), "figures in pprof")
    equal(basalt("export", "--to", "rep", "-o", out, trace).returncode, 0, "rep")
    again = pathlib.Path(folder) / "again"
    equal(basalt("import", "-o", again, out).returncode, 0, "rep, back")
    equal(info(again)["peak_bytes"], info(trace)["peak_bytes"], "the same peak")
    equal([e.get("size") for e in events(again)], [e.get("size") for e in events(trace) if "thread-" not in e["op"]], "the same sizes")
    equal(basalt("export", "--to", "csv", "-o", "/dev/full", trace).returncode, 2, "a full disk")


def what_csv_and_json_say_comes_back(folder):
    folder = pathlib.Path(folder)
    trace, again, text = folder / "t", folder / "again", folder / "text"
    program = compile_program(folder, "threads")
    for options in ([], ["--time", "--pointers"]):
        basalt("record", "-q", *options, "-o", trace, "--", program)
        for kind in ("csv", "json"):
            equal(basalt("export", "--to", kind, "-o", text, trace).returncode, 0, kind)
            run = basalt("import", "-o", again, text)
            equal(run.returncode, 0, f"{kind}, back: {run.stderr}")
            equal(info(again)["peak_bytes"], info(trace)["peak_bytes"], f"{kind}: the same peak")
            equal([{**e, "stack": 0} for e in events(again)], [{**e, "stack": 0} for e in events(trace)], f"{kind}: the same events")
            again.unlink()
        trace.unlink()
    # Lines that somebody has taken out, columns in another order, and lines that are none.
    text.write_text("event,op,size,block,ended\n1,malloc,10,7,\n2,realloc,20,9,7\n3,free,,,8\n4,free,,,9\n")
    equal(basalt("import", "-o", again, text).returncode, 0, "a part")
    equal([(e["op"], e.get("size"), e.get("ended")) for e in events(again)],
          [("malloc", 10, None), ("realloc", 20, 0), ("free-unknown", None, None), ("free", None, 1)], "blocks are numbered anew")
    for line, said in (("1,gone,10,7,", "line 2: there is no event in it, for its op"), ("1,malloc,ten,7,", "for its size"), ("1,free,,,", "for its ended")):
        text.write_text(f"event,op,size,block,ended\n{line}\n")
        run = basalt("import", "-o", folder / "none", text)
        equal(run.returncode, 2, line)
        check(said in run.stderr, run.stderr)
    for line in ('{"op":"malloc","size":1', '{"op":7,"size":1}', '{"op":"malloc","block":0,"size":-1}'):
        text.write_text(line + "\n")
        equal(basalt("import", "-o", again, text).returncode, 2, line)
    equal(len(events(again)), 4, "what had the name before is as it was")
    equal(sorted(path.name for path in folder.iterdir() if path.suffix == ".part"), [], "parts left behind")
    (folder / "link").symlink_to(again)
    equal(basalt("export", "--to", "csv", "-o", folder / "link", again).returncode, 0, "to where a link leads")
    check((folder / "link").is_symlink() and again.read_text().startswith("event,op"), "the link is a link still")
    text.write_text("event,op,thread,block,size,alignment\n1,malloc,99999999999,1,8,16\n2,aligned,7,2,8,4096\n")
    equal(basalt("import", "-o", again, text).returncode, 0, "threads")
    equal([e["thread"] for e in events(again)], [0, 1], "threads are numbered anew")
    equal(basalt("replay", "-a", "glibc", "-r", 1, again).returncode, 0, "and can be played")


def imports(folder):
    folder = pathlib.Path(folder)
    raw, interpreted, packed, junk = (folder / name for name in ("raw", "interpreted", "packed.gz", "junk"))
    raw.write_text("v 10400 3\nx prog\n+ 10 1 a0\n+ 20 1 b0\n- a0\nc 5\n- b0\n- c0\n")
    interpreted.write_text("v 10400 3\na 10 1\na 20 2\n+ 0\n+ 1\n- 0\n")
    packed.write_bytes(gzip.compress(interpreted.read_bytes()))
    expected = {raw: ([16, 32], 2, 1), interpreted: ([16, 32], 1, 0), packed: ([16, 32], 1, 0)}
    for file, (sizes, frees, unknown) in expected.items():
        trace = folder / "t"
        run = basalt("import", "-o", trace, file)
        equal(run.returncode, 0, run.stderr)
        found = events(trace)
        equal([e["size"] for e in found if "size" in e], sizes, f"{file.name}: sizes")
        equal(sum(e["op"] == "free" for e in found), frees, f"{file.name}: frees")
        equal(sum(e["op"] == "free-unknown" for e in found), unknown, f"{file.name}: unknown frees")
    sample, trace = HERE / "data" / "memory_habits.heaptrack.zst", folder / "t"
    equal(basalt("import", "-o", trace, sample).returncode, 0, "what heaptrack 1.4 wrote")
    said = json.loads(report(trace, "--json"))  # and what heaptrack_print says of it
    equal((said["command"], said["allocated"]["blocks"], said["left"]["bytes"]), (["./memory_habits"], 9602, 48_000), "the same as heaptrack")
    equal(info(trace)["peak_bytes"], 3_120_704, "its peak")
    for cut, whole in (("cut.gz", gzip.compress("v 10400 3\na 10 1\n".encode() + b"+ 0\n" * 100_000)), ("cut.zst", sample.read_bytes())):
        (folder / cut).write_bytes(whole[:len(whole) // 2])
        run = basalt("import", "-o", folder / "none", folder / cut)
        equal(run.returncode, 2, cut)
        check("is damaged, or was not written to its end" in run.stderr, run.stderr)
    (folder / "one line.rep").write_text("1000 3 4 1\na 0 10\na 1 20\na 2 30\nf 1\n")
    equal(basalt("import", "-o", trace, folder / "one line.rep").returncode, 0, "four numbers on one line")
    equal(info(trace)["events"], 4, "their events")
    (folder / "negative.rep").write_text("100\n1\n1\n1\na 0 -5\n")
    equal(basalt("import", "-o", trace, folder / "negative.rep").returncode, 2, "a size below 0")
    junk.write_text("hello\n")
    equal(basalt("import", "-o", folder / "t", junk).returncode, 2, "no format that is known")
    (folder / "bad.rep").write_text("100\n1\n1\n1\na 0 10\nq 1\n")
    bad = basalt("import", "-o", folder / "t", folder / "bad.rep")
    equal(bad.returncode, 2, "a bad line")
    check("bad.rep, line 6: this is no line of a .rep file" in bad.stderr, bad.stderr)


if __name__ == "__main__":
    main(the_habits_are_found, words, pages, short_stacks_are_mentioned, what_lies_before_a_damage_is_looked_at,
         a_program_that_changed_has_no_names, budgets, a_budget_is_of_one_process, comparisons, comparisons_of_what_is_not_whole,
         info_says_what_is_damaged, comparisons_of_profiles_have_names, what_is_next_runs_as_it_is_printed, nothing_is_said_of_nothing,
         from_none_there_is_no_share, what_cannot_be_printed_is_said, exports, what_csv_and_json_say_comes_back, imports)
