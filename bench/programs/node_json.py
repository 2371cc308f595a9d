"""node: JSON written, packed, unpacked and read; buffers outside its own heap, replaced at random."""

from .program import Command, Program

SCRIPT = """\
const crypto = require("crypto"), zlib = require("zlib");
let state = 1;
const draw = (bound) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return (state >>> 16) % bound; };

const users = Array.from({ length: TURNS * 400 }, (_, i) => ({
  id: i, name: "user" + draw(9999), tags: Array.from({ length: 5 }, () => "tag" + draw(50)), mark: draw(1000) / 7 }));
const hash = crypto.createHash("sha256"), buffers = [];
for (let turn = 0; turn < TURNS; ++turn) {
  for (let i = 0; i < 1500; ++i) buffers[draw(300)] = Buffer.allocUnsafeSlow(4096 + draw(60000)).fill(i & 255, 0, 64);
  const packed = zlib.deflateSync(JSON.stringify(users.slice(turn * 400, turn * 400 + 1200)), { level: 1 });
  hash.update(JSON.stringify(JSON.parse(zlib.inflateSync(packed).toString())));
}
console.log(users.length, hash.digest("hex"));
"""


class NodeJson(Program):
    name = "node"
    work = "JSON packed and unpacked, buffers replaced"

    def prepare(self, folder, scale):
        (folder / "work.js").write_text(SCRIPT.replace("TURNS", str(max(2, int(60 * scale)))))

    def commands(self, folder):
        # With helper threads for collection, what a run costs depends on how the machine shares out its processors.
        return [Command(["node", "--single-threaded", "work.js"])]
