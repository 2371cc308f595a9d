#!/usr/bin/env python3
"""Rows 57 and 58: preloaded into a program under valgrind, and into one with AddressSanitizer, nothing goes round in
circles: the tool takes malloc over, or runs with ours. At the end valgrind has libc free what it holds."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PRELOAD = os.environ["BASALT_PRELOAD"]
CC = os.environ.get("CC", "cc")
PROGRAM = r"""
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *p) {
  struct addrinfo *found = 0;  /* leaves memory that only libc can free */
  if (getaddrinfo("localhost", 0, 0, &found) == 0) freeaddrinfo(found);
  free(malloc(100));
  return p;
}
int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, 0, work, 0)) return 1;
  pthread_join(thread, 0);
  char *p = 0;
  for (int i = 1; i < 200; ++i) { p = realloc(p, 10 * i); if (!p) return 1; memset(p, i, 10 * i); }
  free(p);
  free(aligned_alloc(4096, 8192));
  puts("well");
  return 0;
}
"""


def run(command, **variables):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LD_PRELOAD": PRELOAD, **variables})


def compiled(directory, *options):
    source = pathlib.Path(directory, "program.c")
    source.write_text(PROGRAM)
    program = pathlib.Path(directory, "program" + "".join(options).replace("=", "-"))
    done = subprocess.run([CC, "-fno-builtin", *options, "-o", program, source, "-pthread"],
                          capture_output=True, text=True)
    return program if done.returncode == 0 else None


def expect(condition, what, done):
    if not condition:
        sys.exit(f"{what}\nstatus {done.returncode}\n{done.stdout}\n{done.stderr}")


def under_valgrind(program):
    if shutil.which("valgrind") is None:
        print("not run here: valgrind is not installed")
        return
    for soname in ([], ["--soname-synonyms=somalloc=nouserintercepts"]):  # its malloc; ours
        done = run(["valgrind", "-q", "--run-libc-freeres=yes", "--error-exitcode=9", *soname, program])
        expect(done.returncode == 0 and done.stdout == "well\n", f"valgrind {soname}", done)
        expect("Invalid free" not in done.stderr, "valgrind saw an invalid free", done)


def with_address_sanitizer(program):
    if program is None:
        print("not run here: this compiler has no AddressSanitizer")
        return
    done = run([program], ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    expect(done.returncode == 0 and done.stdout == "well\n", "AddressSanitizer", done)


def main():
    with tempfile.TemporaryDirectory() as directory:
        under_valgrind(compiled(directory))
        with_address_sanitizer(compiled(directory, "-fsanitize=address"))


main()
