#!/usr/bin/env python3
"""The library that reads traces compiles to wasm32, without exceptions, and reads there what it reads here."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from tool import HERE, basalt, compile_program, equal, events, info, main

PAGE = """
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
const bytes = readFileSync(process.argv[3]);
const nothing = new Proxy({}, { get: () => () => 0, has: () => true });
// A page has a decoder of its own; this one asks the program of that name.
const ZSTD_decompress = (to, room, from, size) => {
  const plain = execFileSync('zstd', ['-dcq'], { input: new Uint8Array(memory.buffer).slice(from, from + size), maxBuffer: 1 << 28 });
  if (plain.length > room) return 0;
  new Uint8Array(memory.buffer).set(plain, to);
  return plain.length;
};
const env = new Proxy({ ZSTD_decompress }, { get: (own, name) => own[name] ?? (() => 0), has: () => true });
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { env, wasi_snapshot_preview1: nothing });
const { memory, room, events, peak, decode, field, _initialize } = instance.exports;
_initialize?.();
const place = room(bytes.length);
new Uint8Array(memory.buffer).set(bytes, place);
const sums = [events(place, bytes.length), peak(place, bytes.length)], all = [];
for (let i = 0, count = decode(place, bytes.length); i < count; ++i) all.push([0, 1, 2, 3, 4, 5].map(which => field(i, which)));
console.log(JSON.stringify([sums, all]));
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
    sums, decoded = json.loads(found.stdout)
    equal(sums, [info(trace)["events"], info(trace)["peak_bytes"]], "events and peak")
    expected = events(trace)
    equal(len(decoded), len(expected), "events that are decoded")
    names = ["malloc", "calloc", "aligned", "realloc", "free", "free-unknown", "thread-start", "thread-end"]
    differing = []
    for own, (op, thread, size, block, ended, stack) in zip(expected, decoded):
        there = {"op": names[op], "thread": thread, "size": size, "block": block, "ended": ended, "stack": stack}
        if any(own.get(key, there[key]) != there[key] for key in there):
            differing.append((own, there))
    equal(differing[:3], [], f"{len(differing)} events differ")


if __name__ == "__main__":
    if not (shutil.which("clang++-14") and shutil.which("node") and shutil.which("zstd") and os.path.exists("/usr/include/wasm32-wasi/c++/v1")):
        print("not run here: clang 14, node, zstd and libc++ for wasm32 are not all here (script/bootstrap wasm)")
        sys.exit(77)
    main(reads_there_what_it_reads_here)
