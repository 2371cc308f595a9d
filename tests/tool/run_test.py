#!/usr/bin/env python3
"""`basalt run` passes on what the program says and how it ends; its account adds up; `basalt doctor` knows what will not work."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from tool import BUILD, TOOL, basalt, check, compile_program, equal, main


# Bytes that become resident, or cease to be, between the account and the stop: its sheet, and parts of files, 16 pages for each fault.
TOUCHED_MEANWHILE = 256 << 10


def ends_are_passed_on(folder):
    equal(basalt("run", "--", "sh", "-c", "echo out; exit 3").returncode, 3, "a status")
    run = basalt("run", "--", "sh", "-c", "echo out; kill -TERM $$")
    equal((run.returncode, run.stdout), (128 + signal.SIGTERM, "out\n"), "a signal")
    check("resident at most" in run.stderr and "sh on basalt: killed by SIGTERM, " in run.stderr, run.stderr)
    check("sh on basalt: exit 3, " in basalt("run", "--", "sh", "-c", "exit 3").stderr, "a status in words")
    check("exit" not in basalt("run", "--", "true").stderr, "nothing is said of an end without a failure")
    equal(basalt("run", "-q", "--", "true").stderr, "", "nothing is said")
    equal(basalt("run", "--", "/no/such").returncode, 127, "no program")
    equal(basalt("run", "--", folder).returncode, 126, "a folder")
    equal(basalt("run").returncode, 2, "no program named")
    equal(basalt("run", "-a", "nomalloc", "--", "true").returncode, 2, "an allocator that is not known")


def wrong_words_are_named(_):
    for word, said in (("nosuch", "there is no command nosuch"), ("--nosuch", "there is no option --nosuch"), ("", "there is no command")):
        for more in ([], ["--help"], ["report"]):
            run = basalt(word, *more)
            equal(run.returncode, 2, f"{word} {more}")
            check(said in run.stderr and run.stdout == "", run.stderr)
    equal(basalt().returncode, 2, "nothing at all")
    for command in (["report", "--rows"], ["top", "--count"], ["dump", "--from"], ["replay", "--rounds"]):
        run = basalt(*command, "-1", "1")
        equal(run.returncode, 2, f"{command} -1")
        check("-1" in run.stderr and "cannot be opened" not in run.stderr, run.stderr)


def the_right_library_is_loaded(folder):
    for options, name in (([], "libbasalt.so"), (["--hardened"], "libbasalt-hardened.so"), (["--small"], "libbasalt-basic.so"), (["-a", "glibc"], "")):
        loaded = basalt("run", *options, "--", "cat", "/proc/self/maps").stdout
        equal(f"{BUILD}/lib/{name}" in loaded if name else "libbasalt" not in loaded, True, f"{options}")
    allocate = "import sys\ntry:\n  x = bytearray(100 << 20)\n  print('had')\nexcept MemoryError:\n  print('refused')"
    equal(basalt("run", "--limit", "64M", "--", shutil.which("python3"), "-c", allocate).stdout, "refused\n", "a limit")
    equal(basalt("run", "--limit", "640M", "--", shutil.which("python3"), "-c", allocate).stdout, "had\n", "a limit that is not reached")


def what_would_have_no_effect_is_refused(folder):
    other = pathlib.Path(folder) / "libbasalt-copied.so"
    shutil.copy(BUILD / "lib" / "libbasalt.so", other)
    for name, option, refused in (("glibc", "limit", True), ("glibc", "stats", True), ("small", "limit", True), ("small", "stats", False),
                                  ("hardened", "limit", False), (other, "limit", False), (other, "stats", False)):
        run = basalt("run", f"--{option}", *(["64M"] if option == "limit" else []), "-a", name, "--", "echo", "ran")
        equal((run.returncode, run.stdout), (2, "") if refused else (0, "ran\n"), f"{option} of {name}: {run.stderr}")
        check(not refused or f"leave --{option} out" in run.stderr, run.stderr)


def a_limit_too_low_is_refused(_):
    for limit in ("0", "1023K", "1048575"):
        run = basalt("run", "--limit", limit, "--", "echo", "ran")
        equal((run.returncode, run.stdout), (2, ""), f"a limit of {limit}: {run.stderr}")
        check(f"a limit of {limit} is too low" in run.stderr, run.stderr)
    run = basalt("run", "-q", "--limit", "1M", "--", "/bin/echo", "ran")
    equal((run.returncode, run.stdout, run.stderr), (0, "ran\n", ""), "the least")


def another_preload_is_named(_):
    environment = {**os.environ, "LD_PRELOAD": str(BUILD / "lib" / "libbasalt-basic.so")}
    run = basalt("run", "-a", "glibc", "--", "/bin/true", env=environment)
    check(f"LD_PRELOAD already has {environment['LD_PRELOAD']}" in run.stderr and "and not glibc" in run.stderr, run.stderr)
    equal(json.loads(basalt("run", "--json", "-a", "glibc", "--", "/bin/true", env=environment).stderr)["preloaded"], environment["LD_PRELOAD"], "as JSON")
    check("LD_PRELOAD" not in basalt("run", "-a", "basalt", "--", "/bin/true", env=environment).stderr, "ours is put in front of it")


def what_is_not_loaded_is_said(folder):
    static, script = compile_program(folder, "busy", "-static"), pathlib.Path(folder) / "script"
    script.write_text(f"#!{static}\n")
    script.chmod(0o755)
    for program in (static, script):
        run = basalt("run", "--", program)
        equal((run.returncode, run.stdout), (1, "done\n"), f"{program}: {run.stderr}")
        check(f"basalt was not loaded: {static} is linked statically" in run.stderr and "resident" not in run.stderr, run.stderr)
    equal(basalt("run", "-a", "glibc", "--", static).returncode, 0, "there is nothing to load")
    equal(basalt("run", "--", static, 10, "kill").returncode, 128 + signal.SIGKILL, "the program's own status comes first")
    equal(basalt("profile", "-q", "-o", f"{folder}/p", "--", static).returncode, 1, "profile says the same")
    said = basalt("run", "--json", "--", static).stderr
    check("linked statically" in json.loads(said)["not_loaded"], said)


def account_of(*command):
    """Of a program, and what it says on stdout. The sums are checked."""
    run = basalt("run", "--stats", "--json", *command)
    equal(run.returncode, 0, f"{command}: {run.stderr}")
    check("{\n" in run.stderr, f"{command}: {run.stderr}")
    said = json.loads(run.stderr[run.stderr.index("{\n"):])
    check("account" in said, f"{command}: {run.stderr}")
    about = said["account"]
    heap = sum(step["bytes"] for step in about["heap"])
    others = sum(step["bytes"] for step in about["others"])
    equal(heap, about["heap_resident"], f"{command}: the heap's steps")
    equal(heap + others, about["resident"], f"{command}: all steps")
    live = sum(step["bytes"] for step in about["heap"] if step["name"] == "live blocks")
    check(live == 0 or about["heap_resident"] > 0, f"{command}: the heap has pages")
    check(all(step["bytes"] > 0 for step in about["others"]), f"{command}: no mapping has less than nothing")
    return about


def adds_up_for_real_programs(folder, options):
    text = pathlib.Path(folder) / "words"
    text.write_text("".join(f"{i * 7919 % 1000} word{i}\n" for i in range(3000)))
    source = pathlib.Path(folder) / "list.cpp"
    source.write_text("#include <vector>\nint main() { return static_cast<int>(std::vector<int>(3).size()) - 3; }\n")
    programs = [["python3", "-c", "print(len([str(i) for i in range(50000)]))"], ["perl", "-e", "my %h; $h{$_} = 1 for 1..9999;"],
                [os.environ.get("CXX", "c++"), "-S", "-o", "/dev/null", source], ["bash", "-c", "a=({1..999})"],
                ["sort", "-n", text], ["grep", "-c", "word1[0-9]*9", text], ["sed", "-n", "$p", text], ["awk", "{ n[$1]++ } END { print length(n) }", text],
                ["tar", "cf", "/dev/null", "-C", folder, "words"], ["gzip", "-kf", text], ["xz", "-kf", text], ["git", "--version"],
                ["sqlite3", ":memory:", "select 1"], ["cmake", "--version"], ["ninja", "--version"], ["find", folder, "-name", "words"]]
    there = [program for program in programs if shutil.which(program[0])]
    check(len(there) >= 10, f"only {len(there)} programs are installed")
    for program in there:
        about = account_of(*options, "--", *program)
        names = [step["name"] for step in about["others"]]
        check(names[0].startswith("metadata") and any("libc" in name for name in names), f"{program}: {names}")


def stopper(folder):
    """A library that stops the program that the tool runs, in a destructor behind that of the allocator, which writes the account."""
    source, library = pathlib.Path(folder) / "stop.c", pathlib.Path(folder) / "stop.so"
    source.write_text("""
        #include <signal.h>
        #include <stdlib.h>
        #include <unistd.h>
        __attribute__((destructor)) static void stop(void) {
          const char* tool = getenv("STOPPED_FOR");
          if (tool != 0 && getppid() == atoi(tool)) kill(getpid(), SIGSTOP);
        }
        """)
    subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-shared", "-fPIC", source, "-o", library], check=True)
    return library


def stopped_child(tool):
    """The process that the tool runs, once it has stopped; nothing if it ends before that."""
    while tool.poll() is None:
        for pid in pathlib.Path(f"/proc/{tool.pid}/task/{tool.pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T":
                return int(pid)
        time.sleep(0.005)
    return None


def kernel_and_account(library, *words):
    """Bytes resident: as the kernel counts them of the stopped process, and as the account says."""
    run = subprocess.Popen(["sh", "-c", 'STOPPED_FOR=$$ LD_PRELOAD="$0" exec "$@"', library, TOOL, "run", "--stats", "--json", *map(str, words)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    pid = stopped_child(run)
    if pid is None:
        return None, run.communicate()[1]
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    os.kill(pid, signal.SIGCONT)
    said = run.communicate(timeout=60)[1]
    return int(re.search(r"Rss: +(\d+) kB", rollup)[1]) * 1024, json.loads(said[said.index("{\n"):])["account"]["resident"]


def accounts_agree_with_the_kernel(folder):
    """What the kernel says of ten programs that stand still, and not what the program has read itself."""
    library, busy = stopper(folder), compile_program(folder, "busy")
    source = pathlib.Path(folder) / "x.c"
    source.write_text("int main(void) { return 0; }\n")
    programs = [[busy, 100_000], [busy, 10], ["python3", "-c", "print(len([str(i) for i in range(50000)]))"], ["perl", "-e", "my %h; $h{$_} = 1 for 1..9999;"],
                [os.environ.get("CC", "cc"), "-S", "-o", "/dev/null", source], ["bash", "-c", "a=({1..999})"], ["sort", source], ["grep", "main", source],
                ["awk", "{ n[$1]++ }", source], ["gzip", "-kf", source], ["git", "--version"], ["find", folder, "-name", "x"]]
    compared = 0
    for program in programs:
        if not shutil.which(program[0]):
            continue
        kernel, account = kernel_and_account(library, "--", *program)
        if kernel is None:
            continue  # it ends without destructors
        compared += 1
        print(f"{program[0]}: {kernel} bytes by the kernel, {account - kernel:+} by the account")
        check(abs(account - kernel) <= TOUCHED_MEANWHILE, f"{program}: {kernel} bytes by the kernel, {account} by the account")
    check(compared >= 10, f"only {compared} programs were compared")


def accounts_add_up(folder):
    for options in ([], ["--hardened"], ["--small"]):
        account_of(*options, "--", compile_program(folder, "busy"), 100_000)
    for options in ([], ["--hardened"]):
        adds_up_for_real_programs(folder, options)
    # Of its 150 KiB nothing is sampled once in ten times.
    said = (basalt("run", "--stats", "--", compile_program(folder, "busy"), 100_000).stderr for _ in range(20))
    words = next(text for text in said if "The live blocks are held by" in text)
    check("resident, as the kernel counts it" in words and "The largest that is not live blocks" in words, words)
    check(re.search(r"The live blocks are held by .*\n +[0-9.]+ [KM]?i?B ± [0-9.]+ [KM]?i?B +\S", words), words)
    check("left no account" in basalt("run", "--stats", "--", "sh", "-c", "kill -KILL $$").stderr, "a program without an end")


def an_account_is_of_the_program(folder):
    """A program that leaves none is not given that of what it started, whichever of them ends first."""
    ends_later = "(sleep 0.1; exec /bin/true) & kill -KILL $$"
    without = pathlib.Path(folder) / "without.c"
    without.write_text('#include <stdlib.h>\n#include <unistd.h>\nint main(void) { int said = system("/bin/true"); _exit(said); }\n')
    subprocess.run([os.environ.get("CC", "gcc"), without, "-o", without.with_suffix("")], check=True)
    for command, why in ((["sh", "-c", "/bin/true; kill -KILL $$"], "it was killed by SIGKILL"),
                         (["sh", "-c", ends_later], "it was killed by SIGKILL"), ([without.with_suffix("")], "it ended without its destructors")):
        run = basalt("run", "--stats", "--", *command)
        check(f"the program left no account: {why}" in run.stderr and "Resident at the end" not in run.stderr, run.stderr)
        said, _ = json.JSONDecoder().raw_decode(basalt("run", "--stats", "--json", "--", *command).stderr)  # what is left may complain behind it
        check(said["account"] is None and said["no_account"].startswith(f"the program left no account: {why}"), said)
    check("of process " in basalt("run", "--stats", "--", without.with_suffix("")).stderr, "whose account there is")
    account_of("--", "bash", "-c", "/bin/true; exit 0")
    said = json.loads(basalt("run", "--json", "--", "true").stderr)
    check("account" not in said and "no_account" not in said, "who wants no account is told nothing of one")


def what_will_not_work(folder):
    program = compile_program(folder, "busy")
    fine = basalt("doctor", "--", program)
    equal(fine.returncode, 0, fine.stdout)
    check("can be run, recorded and profiled" in fine.stdout, fine.stdout)
    static = basalt("doctor", "--", compile_program(folder, "busy", "-static"))
    equal(static.returncode, 1, "a static program")
    check("linked statically" in static.stdout, static.stdout)
    own = pathlib.Path(folder) / "own.c"
    own.write_text("#include <stddef.h>\nvoid* malloc(size_t n) { (void)n; return 0; }\nvoid free(void* p) { (void)p; }\nint main(void) { return 0; }\n")
    subprocess.run([os.environ.get("CC", "gcc"), "-fno-builtin", own, "-o", own.with_suffix("")], check=True)
    check("allocator of its own" in basalt("doctor", "--", own.with_suffix("")).stdout, "a program with its own malloc")
    script = pathlib.Path(folder) / "script"
    script.write_text("#!/bin/sh\ntrue\n")
    script.chmod(0o755)
    check("is a script: what runs is /bin/sh" in basalt("doctor", "--", script).stdout, "a script")
    check("LD_PRELOAD already has" in basalt("doctor", "--", program, env={**os.environ, "LD_PRELOAD": "/usr/lib/none.so"}).stdout, "others")
    text = pathlib.Path(folder) / "text"
    text.write_text("hello")
    text.chmod(0o755)
    equal(basalt("doctor", "--", text).returncode, 1, "no program")
    equal(basalt("doctor", "--", "/no/such").returncode, 127, "nothing")
    kept = basalt("doctor", "--", program).stdout
    check("keeps the frame pointer" in kept and "libraries without frame pointers: libc" in kept, kept)
    without = basalt("doctor", "--", compile_program(folder, "busy", "-fomit-frame-pointer")).stdout
    check("does not keep the frame pointer (0 of" in without and "--unwind libunwind" in without, without)
    if os.geteuid() == 0:
        other = pathlib.Path(folder) / "other"
        shutil.copy(program, other)
        os.chown(other, 65534, 65534)
        other.chmod(0o4755)
        check("is setuid or setgid" in basalt("doctor", "--", other).stdout, "a program that gains rights")
    equal(json.loads(basalt("doctor", "--json", "--", program).stdout)["works"], True, "as JSON")
    equal(json.loads(basalt("doctor", "--json", "--", text).stdout)["works"], False, "as JSON")


def guards_are_live(folder):
    for name in ("basalt", "hardened"):
        live = basalt("guard", "-a", name)
        equal((live.returncode, live.stderr), (0, ""), f"guard of {name}")
        check(f"guarded slots of {name} are live" in live.stdout, live.stdout)
    off = basalt("guard", "--guard", "off")
    equal(off.returncode, 1, "guards that are off")
    check("are not live: guarding is off" in off.stdout, off.stdout)
    equal(basalt("guard", env={**os.environ, "BASALT_GUARD": "off"}).returncode, 1, "guards that the environment has off")
    for name in ("small", "glibc"):
        none = basalt("guard", "-a", name)
        equal(none.returncode, 1, f"guard of {name}")
        check("it has no guarded slots" in none.stdout, none.stdout)
    equal(basalt("guard", "-a", "no-such-allocator").returncode, 2, "an allocator that is not here")


if __name__ == "__main__":
    main(ends_are_passed_on, wrong_words_are_named, the_right_library_is_loaded, what_would_have_no_effect_is_refused,
         a_limit_too_low_is_refused, another_preload_is_named, what_is_not_loaded_is_said, accounts_agree_with_the_kernel, accounts_add_up,
         an_account_is_of_the_program, what_will_not_work, guards_are_live)
