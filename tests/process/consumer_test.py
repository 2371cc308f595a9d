#!/usr/bin/env python3
"""An installed Basalt serves a project of somebody else's, which finds it by CMake's find_package or by pkg-config."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"], "tests/process/consumer")
BUILD = os.environ["BASALT_BUILD_DIR"]
CC, CXX = os.environ["CC"], os.environ["CXX"]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=110, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(program, words, **variables):
    said = run(program, env={**os.environ, **variables}).strip()
    if said != words:
        sys.exit(f"{program} said {said!r}, not {words!r}")
    print(pathlib.Path(program).name, "well")


def by_cmake(prefix, directory):
    run("cmake", "-G", "Ninja", "-S", SOURCE, "-B", directory, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}")
    run("cmake", "--build", directory, "--parallel", "2")
    expect(directory / "composes", "composed")
    expect(directory / "default", "beside")
    expect(directory / "heaps", "apart")
    expect(directory / "heaps_shared", "apart")
    for program in "replaced_c", "replaced_cpp", "shared_c", "small_c", "small_cpp", "small_shared_c":
        expect(directory / program, "replaced")


def by_pkg_config(prefix, directory):
    if shutil.which("pkg-config") is None:
        print("not run here: pkg-config is not installed")
        return
    paths = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}

    def flags(package):
        return run("pkg-config", "--cflags", "--libs", package, env=paths).split()

    inner = directory / "libinner.so"
    run(CC, "-shared", "-fPIC", "-o", inner, SOURCE / "inner.c")
    link = [inner, f"-Wl,-rpath,{directory}"]
    run(CC, "-o", directory / "default", SOURCE / "default.c", *flags("basalt"))
    run(CC, "-o", directory / "small", SOURCE / "default.c", *flags("basalt-basic"))
    expect(directory / "small", "beside")
    run(CXX, "-std=c++20", "-o", directory / "heaps", SOURCE / "heaps.cpp", *flags("basalt"))
    expect(directory / "heaps", "apart")
    run(CXX, "-std=c++20", "-o", directory / "composes", SOURCE / "composes.cpp", *flags("basalt-basic"))
    expect(directory / "composes", "composed")
    for kitchen in "basalt", "basalt-basic":
        c, cpp = directory / f"{kitchen}_c", directory / f"{kitchen}_cpp"
        run(CC, "-o", c, SOURCE / "replaced.c", *link, *flags(f"{kitchen}-global"))
        run(CXX, "-std=c++20", "-o", cpp, SOURCE / "replaced.cpp", *link, *flags(f"{kitchen}-global"))
        expect(c, "replaced")
        expect(cpp, "replaced")
        shared = directory / f"{kitchen}_shared"
        run(CC, "-o", shared, SOURCE / "replaced.c", *link, *flags(f"{kitchen}-shared"))
        expect(shared, "replaced", LD_LIBRARY_PATH=str(next(prefix.glob("**/libbasalt.so")).parent))
    expect(directory / "default", "beside")


def by_preload(prefix, directory):
    """The programs that are beside Basalt are replaced when it is preloaded."""
    program = directory / "unaware"
    (directory / "unaware.c").write_text("#include <stdlib.h>\n#include <stdio.h>\n#include <dlfcn.h>\n"
                                         "int main(void) { int (*active)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "
                                         "\"basalt_is_active\"); free(malloc(1)); "
                                         "puts(active && active() ? \"active\" : \"absent\"); return 0; }\n")
    run(CC, "-D_GNU_SOURCE", "-o", program, directory / "unaware.c", "-ldl")
    for library in "libbasalt.so", "libbasalt-basic.so":
        expect(program, "active", LD_PRELOAD=str(prefix / "lib" / library))


def main():
    with tempfile.TemporaryDirectory() as scratch:
        prefix = pathlib.Path(scratch, "prefix")
        run("cmake", "--install", BUILD, "--prefix", prefix)
        library = prefix / "lib"
        if not library.is_dir():  # lib/x86_64-linux-gnu or lib64 by the distribution's custom
            library = next(prefix.glob("lib*"))
        # A copy that was moved after it was installed must still be found.
        moved = pathlib.Path(scratch, "elsewhere")
        prefix.rename(moved)
        if (moved / "bin/basalt").exists() and not (moved / "share/man/man1/basalt-run.1").exists():
            sys.exit("the tool was installed without its pages of the manual")
        for work in (by_cmake, by_pkg_config, by_preload):
            directory = pathlib.Path(scratch, work.__name__)
            directory.mkdir()
            work(moved, directory)


main()
