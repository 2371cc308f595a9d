#!/usr/bin/env python3
"""Rows 20, 39 and 40: static programs, by archive in any order, whole, and as position-independent; with glibc and, where
musl-gcc is there, with musl. Every one of them calls all the names that could drag libc's own malloc in."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# The archives lie beside the library to preload, and are called as it is.
LIBRARY = pathlib.Path(os.environ["BASALT_PRELOAD"]).with_suffix("")
SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"])
CC = os.environ.get("CC", "cc")
OURS = [f"{LIBRARY}-global.a", f"{LIBRARY}.a"]
# The names that the CMake target and the pkg-config file have the linker take first.
UNDEFINED = ["-Wl,--undefined=malloc,--undefined=mallinfo2,--undefined=_Znwm,--undefined=basalt_exit_report"]
PROGRAM = r"""
#include <basalt/basalt.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int malloc_trim(size_t);
static void *work(void *p) { free(malloc(1000)); return p; }
int main(void) {
  void *out = 0;
  if (posix_memalign(&out, 64, 100)) return 2;
  free(out);
  free(memalign(64, 100));
  free(aligned_alloc(64, 128));
  free(calloc(10, 10));
  free(realloc(malloc(1), 100));
  free(strdup("words"));
  if (malloc_usable_size(out = malloc(100)) < 100) return 3;
  free(out);
  malloc_trim(0);
  EXTRA
  pthread_t thread;
  if (pthread_create(&thread, 0, work, 0)) return 4;
  pthread_join(thread, 0);
  pid_t child = fork();
  if (child == 0) { free(malloc(100)); _exit(0); }
  int status = 1;
  if (waitpid(child, &status, 0) != child || status) return 5;
  if (!basalt_is_active() || basalt_validate()) return 6;
  puts("well");
  return 0;
}
"""
GLIBC_ONLY = "mallinfo2(); mallopt(M_MMAP_THRESHOLD, 1); malloc_info(0, stdout); malloc_stats();"


def check(name, command):
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory, "program")
        done = subprocess.run([*command, "-o", program], capture_output=True, text=True, cwd=directory)
        if done.returncode == 0:
            done = subprocess.run([program], capture_output=True, text=True, timeout=20)
        if done.returncode != 0 or not done.stdout.endswith("well\n"):
            sys.exit(f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    print(name, "well")


def write(path, extra):
    path.write_text(PROGRAM.replace("EXTRA", extra))
    return str(path)


def main():
    with tempfile.TemporaryDirectory() as directory:
        glibc = write(pathlib.Path(directory, "glibc.c"), GLIBC_ONLY)
        base = [CC, "-O1", "-fno-builtin", "-pthread", "-I", str(SOURCE / "include")]
        for mode in (["-static"], ["-static-pie", "-fPIE"], []):
            name = " ".join(mode[:1]) or "dynamic"
            check(f"{name}, archive after the program", [*base, *mode, *UNDEFINED, glibc, *OURS])
            check(f"{name}, archive before the program", [*base, *mode, *UNDEFINED, *OURS, glibc, OURS[1]])
            check(f"{name}, --whole-archive",
                  [*base, *mode, glibc, "-Wl,--whole-archive", *OURS, "-Wl,--no-whole-archive", "-lstdc++"])
        if shutil.which("musl-gcc") is None:
            print("not run here: musl-gcc is not installed")
            return
        musl = write(pathlib.Path(directory, "musl.c"), "")
        base[0] = "musl-gcc"
        base.extend(["-D_GNU_SOURCE"])
        check("musl -static", [*base, "-static", *UNDEFINED, musl, *OURS])


main()
