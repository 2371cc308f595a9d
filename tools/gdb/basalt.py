"""Looks into Basalt's heap from gdb: `heap PTR`, `heap top`, `heap spans`, in a live process and in a core dump.

    (gdb) source tools/gdb/basalt.py
    (gdb) help heap

Nothing is called in the process and nothing is written to it. The names of fields come from the debug information of
the library that the process runs with, so the script reads another version of it as long as the names are the same.
"""
import bisect
import re

import gdb

KITCHEN = "'basalt::door::kitchen'"
SLICE_SHIFT = 14
SLICES = 256  # of a chunk
SLICE = 1 << SLICE_SHIFT
SMALL_CLASSES = 73
KINDS = {0xf0: "large", 0xf1: "interior", 0xf2: "huge", 0xf8: "object span", 0xf9: "object large", 0xfa: "object huge"}
GUARD_STATES = ("vacant", "live", "being freed", "free")
AMOUNT_SCALE = 256  # of the profile's sums


def plain(value):
    """The value inside of an atomic, or of a class of ours that has nothing but one; or the value itself."""
    kind = value.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT:
        return value
    fields = [field for field in kind.fields() if not hasattr(field, "enumval") and hasattr(field, "bitpos")]
    if str(kind).startswith("std::"):
        fields = [field for field in fields if field.is_base_class or field.name in ("_M_i", "_M_b", "_M_p", "_M_base")]
    return plain(value[fields[0]]) if len(fields) == 1 else value


def number(value):
    return int(plain(value))


def size_text(size):
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return ""


class Span:
    """A descriptor, with what is known of its slots."""

    def __init__(self, heap, first, entry, value):
        self.heap, self.first, self.entry, self.value = heap, first, entry, value
        self.begin = number(value["begin"])
        self.slot_size = number(value["slot_size"])
        self.slots = number(value["slots"])
        self.slices = number(value["slices"])
        self.owner = entry >> 8
        self.of_object = KINDS.get(entry & 0xff) == "object span"

    def words(self, array):
        low, high = array.type.range()
        return [number(array[i]) for i in range(low, high + 1)]

    def bits(self, array):
        return sum(bin(word).count("1") for word in self.words(array))

    def is_set(self, array, slot):
        return bool(number(array[slot // 64]) >> slot % 64 & 1)

    @property
    def free(self):
        return number(self.value["free_count"])

    @property
    def remote(self):
        return self.bits(self.value["remote"]["bits_"])

    def owner_text(self):
        return self.heap.object_name(self.owner) if self.of_object else f"heap {self.owner}"


class Heap:
    """The engine behind malloc, as the debugger finds it."""

    def __init__(self):
        try:
            kitchen = gdb.parse_and_eval(KITCHEN)
            self.parts = kitchen["parts_"]
        except gdb.error as error:
            raise gdb.GdbError(f"basalt: no engine is found in this process, or its debug information is missing: {error}")
        self.profile = kitchen["profile_"]
        self.space = self.parts["space"]
        self.base = number(self.space["base_"])
        self.chunks = number(self.space["end_"])
        self.window = number(self.space["most_"]) * SLICES  # slices
        self.states = self.space["states_"]
        self._cached = None

    # ---- Slices

    def chunk_address(self, index):
        if index * SLICES < self.window:
            return self.base + index * SLICES * SLICE
        return number(plain(self.space["outlying_"]["root_"])["places"][index])

    def slice_of(self, address):
        """The number of the slice in which the address lies; None if there is none."""
        chunk = (address - self.base) // (SLICES * SLICE)
        if address < self.base or chunk * SLICES >= self.window:
            outside = range(self.window // SLICES, self.chunks)
            chunk = next((c for c in outside if 0 <= address - self.chunk_address(c) < SLICES * SLICE), None)
        if chunk is None or chunk >= self.chunks:
            return None
        return chunk * SLICES + (address - self.chunk_address(chunk)) // SLICE

    def entries(self, chunk):
        memory = gdb.selected_inferior().read_memory(number(self.space["entries_"]) + chunk * SLICES * 4, SLICES * 4)
        return memory.cast("B").cast("I") if hasattr(memory, "cast") else memory

    def entry(self, index):
        return self.entries(index // SLICES)[index % SLICES]

    def chunk(self, index):
        return self.states[index]["chunk"].dereference()

    def first_of_run(self, index):
        return index - number(self.chunk(index // SLICES)["back"][index % SLICES])

    def span(self, index):
        first = self.first_of_run(index)
        return Span(self, first, self.entry(first), self.chunk(first // SLICES)["spans"][first % SLICES])

    def runs(self):
        """Each run of slices in use: a span, or a large block; and each huge block, with its descriptor None."""
        for c in range(self.chunks):
            use = str(self.states[c]["use"]).rpartition("::")[2]
            if use == "huge" and self.entry(c * SLICES) != 0:
                yield c * SLICES, self.entry(c * SLICES), None
            if use != "sliced":
                continue
            back, entries = self.chunk(c)["back"], self.entries(c)
            for s in range(SLICES):
                if entries[s] != 0 and KINDS.get(entries[s] & 0xff) != "interior" and number(back[s]) == 0:
                    yield c * SLICES + s, entries[s], self.span(c * SLICES + s)

    def spans(self):
        for _, entry, span in self.runs():
            if span is not None and (entry & 0xff < SMALL_CLASSES or span.of_object):
                yield span

    # ---- Heaps

    def heaps(self):
        pool = self.parts["pool"]
        few = pool["first_"].type.range()[1] + 1
        for i in range(1, number(pool["made_"]) + 1):
            yield i, (pool["first_"] if i < few else pool["heaps_"])[i].dereference()

    def bin_slots(self, heap, size_class):
        bin_ = heap["bins"][size_class]
        base, top = number(bin_["base_"]), number(bin_["top_"])
        if top <= base:
            return ()
        return gdb.selected_inferior().read_memory(base, top - base).cast("B").cast("Q")

    def cached(self):
        """Where every slot is that lies in a bin or in an outbox: by its address."""
        if self._cached is None:
            self._cached = {}
            for name, heap in self.heaps():
                for c in range(SMALL_CLASSES):
                    for slot in self.bin_slots(heap, c):
                        self._cached[slot] = f"free, in a bin of heap {name}"
                outbox = heap["outbox"]
                for i in range(number(outbox["held_"])):
                    slot = number(outbox["parcels_"][i]["block"])
                    self._cached[slot] = f"free, in the outbox of heap {name}"
        return self._cached

    def object_name(self, owner):
        made = self.parts["objects"]["objects_"][owner].dereference()
        return f'heap object "{made["name_"].string()}"'

    # ---- Samples

    def tables(self):
        tables = plain(self.profile["tables_"])
        return tables.dereference() if int(tables) != 0 else None

    def sample(self, block):
        """What the profile knows of a block: its size, and the calls by which it was asked for."""
        tables = self.tables()
        if tables is None:
            return None
        live = tables["live"]
        for i in range(1, number(self.profile["used_live_"]) + 1):
            if number(live[i]["block"]) == block:
                amount, site = live[i]["amount"], tables["sites"][number(live[i]["site"])]
                calls = [number(site["calls"][c]) for c in range(number(site["count"]))]
                return round(number(amount["bytes"]) / number(amount["objects"])), calls
        return None

    def sites(self):
        """Bytes and blocks in use, estimated, and the calls of each site."""
        tables = self.tables()
        if tables is None:
            return
        for i in range(1, number(self.profile["figures_"]["sites"]) + 1):
            site = tables["sites"][i]
            in_use = site["in_use"]
            calls = [number(site["calls"][c]) for c in range(number(site["count"]))]
            yield number(in_use["bytes"]) / AMOUNT_SCALE, number(in_use["objects"]) / AMOUNT_SCALE, calls


def call_text(address):
    name = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
    if name.startswith("No symbol"):
        return f"{address:#x}"
    place = gdb.find_pc_line(address)
    line = f" at {place.symtab.filename}:{place.line}" if place.symtab else ""
    return f"{address:#x} {name.partition(' in section ')[0]}{line}"


OWN_CALL = re.compile(r"\S+ (.* )?(basalt::(door|engine|guard|observe)::|(malloc|calloc|realloc|memalign|aligned_alloc|"
                      r"posix_memalign|operator new)\b)")


def program_calls(calls):
    """The calls without those inside the library, at the inner end."""
    texts = [call_text(call) for call in calls]
    while len(texts) > 1 and OWN_CALL.match(texts[0]):
        texts.pop(0)
    return texts


def describe_slot(heap, span, address):
    slot = (address - span.begin) // span.slot_size
    block = span.begin + slot * span.slot_size
    lines = [f"span at {span.begin:#x}: {span.slots} slots of {span.slot_size} bytes, {span.owner_text()}"]
    if slot >= span.slots:
        return lines + ["in the tail of the span, behind its last slot"], None
    where = f"slot {slot} at {block:#x}" + (f", {address - block} bytes into it" if address != block else "")
    if span.is_set(span.value["free"], slot):
        state = "free, in its span"
    elif span.is_set(span.value["remote"]["bits_"], slot):
        state = "free, given back by another thread and not collected yet"
    else:
        state = heap.cached().get(block, "live")
    return lines + [f"{where}: {state}"], block if state == "live" else None


def describe_run(heap, index, entry, address):
    first = heap.first_of_run(index)
    huge = KINDS.get(entry & 0xff, "").endswith("huge")
    chunk = heap.chunk(index // SLICES)
    block = heap.chunk_address(first // SLICES) + first % SLICES * SLICE
    size = number(chunk["huge_bytes"]) if huge else heap.span(index).slices * SLICE
    owner = heap.object_name(heap.entry(first) >> 8) if "object" in KINDS.get(heap.entry(first) & 0xff, "") else "no heap's"
    inside = f", {address - block} bytes into it" if address != block else ""
    return [f"{'huge' if huge else 'large'} block at {block:#x}: {size} bytes in whole slices, {owner}{inside}: live"], block


def describe_guarded(heap, address):
    region = plain(heap.parts["guarded"]["region_"])
    if int(region) == 0:
        return None
    region = region.dereference()
    begin, page, count = number(region["begin"]), number(region["page"]), number(region["count"])
    stride = 256 * 1024 + page
    if not 0 <= address - begin < count * stride + page:
        return None
    slot = region["slots"][min((address - begin) // stride, count - 1)]
    state, block, size = number(slot["state"]), number(slot["block"]), number(slot["size"])
    if block == 0:
        return ["a guarded slot in which no block has been"], None
    return [f"guarded block at {block:#x}: {size} bytes were asked for: {GUARD_STATES[state]}"], block


def describe_huge_inside(heap, index, address):
    """Only the first slice of a huge block has an entry: one further on lies in the last that began before it, or in none."""
    c = index // SLICES
    while c > 0 and str(heap.states[c]["use"]).endswith("rest"):
        c -= 1
    if str(heap.states[c]["use"]).endswith("huge") and heap.entry(c * SLICES) != 0:
        return describe_run(heap, c * SLICES, heap.entry(c * SLICES), address)
    return ["free: no block lies in this slice"], None


def describe(heap, address):
    guarded = describe_guarded(heap, address)
    if guarded is not None:
        return guarded
    index = heap.slice_of(address)
    if index is None:
        return ["not of this heap"], None
    entry = heap.entry(index)
    if entry == 0:
        return describe_huge_inside(heap, index, address)
    span = heap.span(index) if not KINDS.get(entry & 0xff, "").endswith("huge") else None
    if span is not None and (entry & 0xff < SMALL_CLASSES or span.of_object):
        return describe_slot(heap, span, address)
    return describe_run(heap, index, entry, address)


class HeapCommand(gdb.Command):
    """Looks into Basalt's heap.

heap PTR     which block an address lies in: its span, its slot, live or free; what was asked for, if a sample tells
heap top     the size classes and the large blocks with most live bytes; and the call sites, if a profile was started
heap spans [SIZE]   every span, or those with slots of SIZE bytes

PTR is any expression. Blocks that a running thread is just taking or giving back may be shown either way."""

    def __init__(self):
        super().__init__("heap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if not words:
            raise gdb.GdbError("heap: an address, `top` or `spans`: see `help heap`")
        heap = Heap()
        if words == ["top"]:
            self.top(heap)
        elif words[0] == "spans":
            self.spans(heap, int(words[1], 0) if len(words) > 1 else None)
        else:
            self.pointer(heap, int(gdb.parse_and_eval(argument)) & (1 << 64) - 1)

    @staticmethod
    def pointer(heap, address):
        lines, block = describe(heap, address)
        print(f"{address:#x}: {lines[0]}")
        for line in lines[1:]:
            print(f"  {line}")
        sample = heap.sample(block) if block is not None else None
        if sample is not None:
            print(f"  sampled: {sample[0]} bytes were asked for by")
            for call in program_calls(sample[1]):
                print(f"    {call}")

    @staticmethod
    def top(heap):
        live, blocks, names = {}, {}, {}
        for index, entry, span in heap.runs():
            if span is None:
                size, count, name = number(heap.chunk(index // SLICES)["huge_bytes"]), 1, "huge blocks"
            elif entry & 0xff < SMALL_CLASSES or span.of_object:
                count, name = span.slots - span.free - span.remote, f"slots of {span.slot_size} bytes"
                size = count * span.slot_size
            else:
                size, count, name = span.slices * SLICE, 1, "large blocks"
            live[name], blocks[name] = live.get(name, 0) + size, blocks.get(name, 0) + count
        begins = sorted((span.begin, span) for span in heap.spans()) if heap.cached() else []
        for slot in heap.cached():
            span = begins[bisect.bisect_right(begins, slot, key=lambda pair: pair[0]) - 1][1]
            name = f"slots of {span.slot_size} bytes"
            live[name], blocks[name] = live[name] - span.slot_size, blocks[name] - 1
        print(f"{'live':>12}  {'blocks':>9}  of")
        for name in sorted(live, key=live.get, reverse=True)[:20]:
            if blocks[name] != 0:
                print(f"{size_text(live[name]):>12}  {blocks[name]:>9}  {name}")
        print(f"{size_text(sum(live.values())):>12}  {sum(blocks.values()):>9}  all")
        HeapCommand.sites(heap)

    @staticmethod
    def sites(heap):
        found = sorted(heap.sites(), key=lambda site: site[0], reverse=True)
        if found:
            print("\nby call site, estimated from samples:")
        for size, count, calls in found[:10]:
            if count != 0:
                print(f"{size_text(size):>12}  {count:>9.0f}  " + "\n                           ".join(program_calls(calls)[:4]))

    @staticmethod
    def spans(heap, wanted):
        print(f"{'span':>18}  {'slot':>6}  {'slots':>5}  {'free':>5}  {'remote':>6}  owner")
        for span in heap.spans():
            if wanted in (None, span.slot_size):
                print(f"{span.begin:#18x}  {span.slot_size:>6}  {span.slots:>5}  {span.free:>5}  {span.remote:>6}  "
                      f"{span.owner_text()}")


HeapCommand()
