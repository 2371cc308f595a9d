"""lua5.4: trees built and counted, words made, counted, sorted and joined."""

from .program import Command, Program

SCRIPT = """\
local function tree(depth) if depth == 0 then return {} end return {tree(depth - 1), tree(depth - 1)} end
local function nodes(node) if not node[1] then return 1 end return 1 + nodes(node[1]) + nodes(node[2]) end
local state = 1
local function draw(bound) state = (state * 1103515245 + 12345) % 2147483648; return state // 65536 % bound end

local total = 0
for _ = 1, TREES do total = total + nodes(tree(14)) end

local words, seen = {}, {}
for i = 1, WORDS do
  words[i] = string.rep(string.char(97 + draw(26)), 1 + draw(40)) .. draw(5000)
  seen[words[i]] = (seen[words[i]] or 0) + 1
end
table.sort(words)
local parts = {}
for i = 1, #words, 3 do parts[#parts + 1] = words[i]:upper():gsub("A", "bb") .. ":" .. seen[words[i]] end
print(total, #table.concat(parts, " "))
"""


class LuaTables(Program):
    name = "lua5.4"
    work = "trees built and counted; words sorted and joined"

    def prepare(self, folder, scale):
        trees, words = max(1, int(24 * scale)), max(100, int(250_000 * scale))
        (folder / "work.lua").write_text(SCRIPT.replace("TREES", str(trees)).replace("WORDS", str(words)))

    def commands(self, folder):
        return [Command(["lua5.4", "work.lua"])]
