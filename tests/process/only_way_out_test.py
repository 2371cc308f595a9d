#!/usr/bin/env python3
"""A library to preload enters the kernel in src/platform/ only: its system calls, and what it calls of libc that makes some.

Every instruction that enters the kernel is looked up in the debugging information: it has to come from system_call.hpp, inlined
into code of the platform. Every function of libc that the library refers to has to stand in one of the two lists below."""
import os
import pathlib
import re
import subprocess
import sys

LIBRARY = os.environ["BASALT_PRELOAD"]
SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"])
PLATFORM = "src/platform/"
GATE = "src/platform/system_call.hpp"

# They do not ask the kernel for anything, or ask nothing but to wait (dl_iterate_phdr and the keys have a lock, and a mutex is one).
QUIET = set("""__cxa_begin_catch __cxa_end_catch __cxa_finalize __environ __errno_location __gmon_start__
    __gxx_personality_v0 __progname __register_atfork __stack_chk_fail _ITM_deregisterTMCloneTable
    _ITM_registerTMCloneTable _Unwind_Resume _ZSt15get_new_handlerv _ZSt17__throw_bad_allocv __tls_get_addr bcmp
    dl_iterate_phdr environ getauxval memchr memcmp memcpy memmove memset program_invocation_short_name pthread_key_create
    pthread_key_delete pthread_mutex_lock pthread_mutex_unlock pthread_self pthread_getspecific pthread_setspecific secure_getenv sigaddset snprintf stderr strchr strcmp
    strcpy strerror strlen strncmp strnlen strtoul""".split())

# They do, and these files may call them: to end the program, to find out who the images in memory are, and, in some doors, to
# write what a caller or an option asks for: malloc_stats, malloc_info, and what is written when a process ends.
AT_EXIT = ["src/door/exit_report.cpp", "src/door/account.cpp"]
LOUD = {
    "abort": [PLATFORM], "raise": [PLATFORM], "signal": [PLATFORM], "sigaction": [PLATFORM], "readlink": [PLATFORM],
    "clock_gettime": [PLATFORM],
    "__assert_fail": ["src/"],  # in builds with assertions
    "fprintf": ["src/door/malloc_inquiry.cpp"],
    "open": AT_EXIT, "close": AT_EXIT, "write": AT_EXIT, "dprintf": AT_EXIT, "mincore": AT_EXIT, "getpid": AT_EXIT,
}

# Of libraries that are there only if the program brings them, and what they do is their own affair: libunwind, if whoever records
# asks for it, and libstdc++, to which Clang turns where an exception would leave a noexcept function.
BORROWED = {"unw_backtrace", "_ZSt9terminatev"}


def run(*command, text=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout


def in_tree(path):
    """src/... of a path as the debugging information has it, which may go up and down."""
    path = os.path.normpath(path)
    found = re.search(r"(?:^|/)((?:src|include)/.*)", path)
    return found.group(1) if found else path


def places(addresses):
    """The files of each address, from the innermost inlined function outwards."""
    lines = run("addr2line", "-a", "-i", "-e", LIBRARY, text="\n".join(addresses)).splitlines()
    chains, chain = [], None
    for line in lines:
        if line.startswith("0x"):
            chain = []
            chains.append(chain)
        else:
            chain.append(in_tree(re.sub(r":[0-9?]+( \(.*\))?$", "", line)))
    return chains


def entries_and_calls():
    entries, calls = [], []
    function = ""
    for line in run("objdump", "-d", "--no-show-raw-insn", LIBRARY).splitlines():
        begins = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if begins:
            function = begins.group(1)
        at = re.match(r"\s*([0-9a-f]+):\s+(.*)", line)
        if not at or function.endswith("@plt") or function == ".plt":
            continue
        if re.match(r"(syscall|sysenter|int\s+\$0x80|svc)\b", at.group(2)):
            entries.append("0x" + at.group(1))
        called = re.search(r"<([A-Za-z_]\w*)@(?:plt|GLIBC|Base)[^>]*>", at.group(2))
        if called:
            calls.append(("0x" + at.group(1), called.group(1)))
    return entries, calls


def asks_itself(file):
    """Whether a file outside of the platform goes through the gate. One that does not may still seem to: Clang leaves functions out
    of the chain that were inlined as a whole."""
    return not file.startswith(PLATFORM) and "system_call" in (SOURCE / file).read_text()


def main():
    problems = []
    entries, calls = entries_and_calls()
    for address, chain in zip(entries, places(entries)):
        if not chain[0].endswith(GATE) or any(asks_itself(file) for file in chain[1:]):
            problems.append(f"{address}: a system call outside {PLATFORM}: {' <- '.join(chain)}")
    if not entries:
        problems.append("no system call at all: it was not read rightly")

    asked = {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only", LIBRARY).splitlines()}
    for name in sorted(asked - QUIET - BORROWED - set(LOUD)):
        problems.append(f"{name}: does it enter the kernel? No list of this test has it")
    loud = [(address, name) for address, name in calls if name in LOUD]
    for (address, name), chain in zip(loud, places([address for address, _ in loud])):
        if not any(chain[0].startswith(allowed) for allowed in LOUD[name]):
            problems.append(f"{address}: {name} is called from {chain[0]}")
    for name in sorted((asked & set(LOUD)) - {name for _, name in loud}):
        problems.append(f"{name}: nothing calls it directly, so who does cannot be told")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(entries)} instructions that enter the kernel, and {len(loud)} calls that do: all where they may")


main()
