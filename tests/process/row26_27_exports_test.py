#!/usr/bin/env python3
"""Rows 26 and 27, and decisions on exports: what a library to preload shows to the world, and what it asks of it.

Exported is what the host's libc exports of its malloc family, the forms of operator new and delete, the names of C23
that libc may not have yet, and basalt_*. Needed is libc alone."""
import os
import re
import subprocess
import sys

LIBRARY = os.environ["BASALT_PRELOAD"]
THREAD_LOCAL_BYTES = 0 if "basic" in os.path.basename(LIBRARY) else 24  # where the heap is; whether a slow path is under way; of the hardened one, whether a bin is in use
FAMILY = re.compile(r"^(__libc_)?(malloc|calloc|realloc|free|cfree|memalign|aligned_alloc|valloc|pvalloc|reallocarray|"
                    r"posix_memalign|mallinfo2?|mallopt|malloc_(info|trim|stats|usable_size|[sg]et_state))$")
EXTRA = {"free_sized", "free_aligned_sized", "cfree"}
NEW = {"_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t",
       "_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t"}
DELETE = {f"_Zd{kind}{form}" for kind in "la" for form in
          ("Pv", "Pvm", "PvSt11align_val_t", "PvmSt11align_val_t", "PvRKSt9nothrow_t",
           "PvSt11align_val_tRKSt9nothrow_t")}


def exported(path):
    listing = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in listing.splitlines()}


def libc():
    for line in open("/proc/self/maps", encoding="ascii"):
        path = line.split()[-1]
        if re.search(r"/libc(\.so\.6|-[0-9.]+\.so)$", path):
            return path
    sys.exit("this python uses no glibc")


def thread_local_bytes(path):
    segments = subprocess.run(["readelf", "-lW", path], check=True, capture_output=True, text=True).stdout
    found = re.search(r"^\s+TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", segments, re.M)
    return int(found.group(1), 16) if found else 0


def main():
    ours = exported(LIBRARY)
    wanted = {name for name in exported(libc()) if FAMILY.match(name)} | EXTRA | NEW | DELETE
    basalt = {name for name in ours if name.startswith("basalt_")}
    declared = set(re.findall(r"\b(basalt_\w+)\(", open(
        os.path.join(os.environ["BASALT_SOURCE_DIR"], "include/basalt/basalt.h"), encoding="utf-8").read()))
    if "hardened" in os.path.basename(LIBRARY):  # these are the engine's alone
        declared = {name for name in declared if not name.startswith("basalt_profile_")}
    if "basic" in os.path.basename(LIBRARY):  # these are the engine's
        engines = ("basalt_heap_", "basalt_set_memory_handler", "basalt_option_", "basalt_purge", "basalt_idle_bound",
                   "basalt_guard_", "basalt_profile_")
        declared = {name for name in declared if not name.startswith(engines)}
    problems = []
    if wanted - ours:
        problems.append(f"missing: {sorted(wanted - ours)}")
    if ours - wanted - basalt:
        problems.append(f"exported and nobody's business: {sorted(ours - wanted - basalt)}")
    if declared - basalt:
        problems.append(f"declared in basalt.h and not there: {sorted(declared - basalt)}")
    if basalt - declared - {"basalt_exit_report"}:
        problems.append(f"there and not declared in basalt.h: {sorted(basalt - declared)}")
    dynamic = subprocess.run(["readelf", "-dW", LIBRARY], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    if [name for name in needed if not name.startswith("libc.")]:
        problems.append(f"needs {needed}: libc is all that it may need")
    if thread_local_bytes(LIBRARY) > THREAD_LOCAL_BYTES:
        problems.append(f"{thread_local_bytes(LIBRARY)} bytes of thread-local storage: see row 14")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(ours)} names exported, {len(wanted)} of them the host's or C++'s")


main()
