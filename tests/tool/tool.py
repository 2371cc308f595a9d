"""What the tests of the tool share: programs to observe, and the tool itself."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["BASALT_BUILD_DIR"])
HERE = pathlib.Path(__file__).parent
TOOL = BUILD / "bin" / "basalt"
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what, flush=True)


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r}, expected {expected!r}")


def compile_program(folder, name, *options):
    """A program of tests/tool/programs, with frame pointers, as those that are observed should have."""
    source = next((HERE / "programs").glob(f"{name}.c*"))
    compiler = os.environ.get("CXX", "g++") if source.suffix == ".cpp" else os.environ.get("CC", "gcc")
    target = pathlib.Path(folder) / (name + "".join(options).replace("-", "_").replace("/", "_"))
    subprocess.run([compiler, "-g", "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-builtin",
                    source, "-o", target, "-pthread", *options], check=True)
    return target


def basalt(*arguments, **options):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=100, **options)


def events(trace, *options):
    dumped = basalt("dump", "--json", *options, trace)
    equal(dumped.returncode, 0, "dump: " + dumped.stderr)
    return [json.loads(line) for line in dumped.stdout.splitlines()]


def info(trace):
    return json.loads(basalt("info", "--json", trace).stdout)


def main(*tests):
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            print("==", test.__name__, flush=True)
            test(folder)
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)
