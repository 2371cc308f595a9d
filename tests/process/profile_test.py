#!/usr/bin/env python3
"""A heap profile read back: by a reader of our own and by protoc, its figures held against what was allocated."""
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["BASALT_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["BASALT_BUILD_DIR"])
PERIOD = 4096
KNOWN = {"profiled_keep": (20_000, 100), "profiled_churn": (100_000, 64), "profiled_large": (1, 3 << 20)}


def expect(condition, what):
    if not condition:
        sys.exit(str(what))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of a message, by their numbers: integers and bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            expect(key & 7 == 2, f"wire type {key & 7}")
            length, at = varint(data, at)
            expect(at + length <= len(data), "a field goes beyond the end")
            value, at = data[at:at + length], at + length
        found.setdefault(key >> 3, []).append(value)
    return found


def packed(data):
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def names_at(path, offsets):
    """The functions at these addresses of the file, by addr2line."""
    lines = subprocess.run(["addr2line", "-fe", path] + [hex(o) for o in offsets], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return lines[::2]


def is_fixed(path):
    return "EXEC" in subprocess.run(["readelf", "-h", path], check=True, capture_output=True, text=True).stdout


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return found.group(1) if found else ""


class Profile:
    def __init__(self, data):
        top = fields(data)
        self.strings = [text.decode() for text in top[6]]
        text = lambda message, number: self.strings[message.get(number, [0])[0]]
        self.types = [(text(m, 1), text(m, 2)) for m in map(fields, top[1])]
        self.mappings = {m[1][0]: m for m in map(fields, top[3])}
        self.locations = {m[1][0]: m for m in map(fields, top.get(4, []))}
        self.samples = [(packed(m[1][0]), packed(m[2][0])) for m in map(fields, top.get(2, []))]
        self.period, self.default = top.get(12, [0])[0], self.strings[top[14][0]]
        self.comment = self.strings[top[13][0]]
        self.text = text
        expect(self.strings[0] == "", "the string table begins with the empty string")
        expect(len(self.locations) == len(top.get(4, [])), "ids of locations are unique")

    def call(self, location):
        """The file and the function of a location."""
        found = self.locations[location]
        mapping = self.mappings[found[2][0]]
        path = self.text(mapping, 5)
        if not path or not os.path.exists(path):
            return path, "?"
        expect(mapping[2][0] <= found[3][0] < mapping[3][0], "an address is in its mapping")
        offset = found[3][0] if is_fixed(path) else found[3][0] - mapping[2][0] + mapping.get(4, [0])[0]
        return path, names_at(path, [offset])[0]


def check_known(profile, own):
    expect(profile.types == [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"),
                             ("inuse_space", "bytes")], profile.types)
    expect(profile.period == PERIOD, profile.period)
    expect(profile.default == "inuse_space", profile.default)
    expect(re.fullmatch(r"basalt: \d+ requests sampled, 0 of them not followed", profile.comment), profile.comment)
    sums = {name: [0] * 4 for name in KNOWN}
    for locations, values in profile.samples:
        calls = [profile.call(location) for location in locations]
        if own:  # of a shared library nothing is left in front
            expect("libbasalt" not in calls[0][0], calls)
        for name in KNOWN:
            if name in [function for _, function in calls]:
                sums[name] = [a + b for a, b in zip(sums[name], values)]
    for name, (count, size) in KNOWN.items():
        chance = 1 - math.exp(-size / PERIOD)
        margin = 5 * math.sqrt(count * (1 - chance) / chance)
        objects, size_all, objects_now, size_now = sums[name]
        expect(abs(objects - count) <= margin + 1, f"{name}: {objects} of {count}, within {margin:.0f}")
        expect(abs(size_all - objects * size) <= size_all * 0.01 + size, f"{name}: {size_all} bytes")
        expect((objects_now, size_now) == ((0, 0) if name == "profiled_churn" else (objects, size_all)),
               f"{name}: {objects_now} in use, {size_now} bytes")


def check_mappings(profile):
    expect(len(profile.mappings) > 1, "there are mappings")
    for location in profile.locations.values():
        expect(location[2][0] in profile.mappings, "each location has a mapping")
    for mapping in profile.mappings.values():
        path = profile.text(mapping, 5)
        if os.path.exists(path):
            expect(profile.text(mapping, 6) == build_id(path), f"the build-id of {path}")


def check_protoc(path):
    if not shutil.which("protoc"):
        print("not run here: protoc is missing")
        return
    with open(path, "rb") as data:
        text = subprocess.run(["protoc", f"-I{SOURCE}/tests/support", "--decode=Profile", "profile.proto"], stdin=data,
                              check=True, capture_output=True, text=True).stdout
    expect('string_table: "inuse_space"' in text and "sample {" in text, text[:500])
    expect(not re.search(r"^\s*\d+: ", text, re.M), "a field that profile.proto does not know")


def linked(folder):
    """The same program with the shared library."""
    program = os.path.join(folder, "profiled")
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O1", "-g", "-fno-builtin", "-fno-omit-frame-pointer",
                    f"-I{SOURCE}/tests", f"-I{SOURCE}/include", SOURCE / "tests/process/profiled.cpp", "-o", program,
                    f"-L{BUILD}/lib", "-lbasalt", f"-Wl,-rpath,{BUILD}/lib", "-pthread"], check=True)
    return program


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "heap.pb")
        shared = linked(folder)
        subprocess.run([shared], check=True)
        for program in (shared, BUILD / "process/profiled_engine_global", BUILD / "process/profiled_engine_static"):
            subprocess.run([program, path], check=True)
            with open(path, "rb") as file:
                profile = Profile(file.read())
            check_known(profile, program == shared)
            check_mappings(profile)
            check_protoc(path)


main()
