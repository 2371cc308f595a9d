"""g++: a file that includes standard headers, down to the object's last byte."""

from .program import Command, Program

BODY = """
template <int N> struct Column { static constexpr int sides = Column<N - 1>::sides + N % 2; };
template <> struct Column<0> { static constexpr int sides = 0; };
int main() { return Column<DEPTH>::sides; }
"""
HEADERS = ["cstdint", "array", "utility", "tuple", "memory", "vector", "string", "map", "algorithm", "sstream"]


class CxxCompile(Program):
    name = "g++"
    work = "compiling a file with several standard headers"

    def prepare(self, folder, scale):
        headers = HEADERS[:max(3, int(len(HEADERS) * scale))]
        includes = "".join(f"#include <{header}>\n" for header in headers)
        (folder / "work.cpp").write_text(includes + BODY.replace("DEPTH", str(max(10, int(200 * scale)))))

    def commands(self, folder):
        return [Command(["g++", "-std=c++17", "-O1", "-c", "work.cpp", "-o", "work.o"])]

    def produces(self, folder):
        return [folder / "work.o"]
