#!/usr/bin/env python3
"""The library that reads traces compiles to wasm32, without exceptions, and reads there what it reads here."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from tool import HERE, basalt, compile_program, equal, info, main

PAGE = """
import { readFileSync } from 'node:fs';
const bytes = readFileSync(process.argv[3]);
const nothing = new Proxy({}, { get: () => () => 0, has: () => true });
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { env: nothing, wasi_snapshot_preview1: nothing });
const { memory, room, events, peak, _initialize } = instance.exports;
_initialize?.();
const place = room(bytes.length);
new Uint8Array(memory.buffer).set(bytes, place);
console.log(JSON.stringify([events(place, bytes.length), peak(place, bytes.length)]));
"""


def reads_there_what_it_reads_here(folder):
    folder = pathlib.Path(folder)
    tools = HERE.parent.parent / "tools"
    sources = [HERE / "programs" / "reader_in_a_page.cc", *(tools / "trace" / f"{name}.cpp" for name in ("addresses", "block", "header", "reader", "tables"))]
    module, page, trace = folder / "reader.wasm", folder / "page.mjs", folder / "t"
    subprocess.run(["clang++-14", "--target=wasm32-wasi", "-std=c++20", "-O1", "-fno-exceptions", "-mexec-model=reactor", "-Wl,--allow-undefined",
                    "-DXXH_INLINE_ALL", "-DJSON_HAS_FILESYSTEM=0", "-DJSON_HAS_EXPERIMENTAL_FILESYSTEM=0", f"-I{tools}", "-idirafter", "/usr/include",
                    *sources, "-o", module], check=True)
    basalt("record", "-q", "-o", trace, "--", compile_program(folder, "busy"), 50_000)
    page.write_text(PAGE)
    found = subprocess.run(["node", page, module, trace], capture_output=True, text=True)
    equal(found.returncode, 0, found.stderr)
    equal(json.loads(found.stdout), [info(trace)["events"], info(trace)["peak_bytes"]], "events and peak")


if __name__ == "__main__":
    if not (shutil.which("clang++-14") and shutil.which("node") and os.path.exists("/usr/include/wasm32-wasi/c++/v1")):
        print("not run here: clang 14, node and libc++ for wasm32 are not all here (script/bootstrap wasm)")
        sys.exit(77)
    main(reads_there_what_it_reads_here)
