// usage: node run.mjs MODULE.wasm
// Runs every exported run_* of the module, and what must end it. Exit status: 0 if all went as it should.
import { readFile } from "node:fs/promises";
import process from "node:process";

let said = "";
let memory;
const imports = {
  basalt: {
    write: (text, bytes) => { said += new TextDecoder().decode(new Uint8Array(memory.buffer, text, bytes)); },
  },
};

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const start = async () => {
  const instance = await WebAssembly.instantiate(module, imports);
  memory = instance.exports.memory;
  said = "";
  instance.exports.__wasm_call_ctors?.();
  return instance.exports;
};

let failures = 0;
const report = (name, outcome) => {
  console.log(`${outcome === "" ? "ok  " : "FAIL"} ${name}${outcome === "" ? "" : ": "}${outcome}`);
  if (outcome !== "") failures += 1;
};

const names = WebAssembly.Module.exports(module).map((entry) => entry.name).filter((name) => name.startsWith("run_"));
for (const name of names) {
  try {
    const line = (await start())[name]();
    report(name, line === 0 ? "" : `the check in line ${line} of heap_test.cpp`);
  } catch (error) {
    report(name, `${error.message} ${said}`);
  }
}

try {
  (await start()).end_by_double_free();
  report("end_by_double_free", "the module went on");
} catch (error) {
  const sentence = /^basalt: double free: the block 0x[0-9a-f]+ of 64 bytes overlaps the free block /;
  const trapped = error instanceof WebAssembly.RuntimeError && sentence.test(said) && said.endsWith("\n");
  report("end_by_double_free", trapped ? "" : `${error.message} ${said}`);
}

if (names.length < 7) report("the module", "some runs are missing");
process.exitCode = failures === 0 ? 0 : 1;
