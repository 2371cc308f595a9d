"""g++: a file that includes standard headers, down to the object's last byte."""

from .program import Command, Program

BODY = """
template <int N> struct Column { static constexpr int sides = Column<N - 1>::sides + N % 2; };
template <> struct Column<0> { static constexpr int sides = 0; };
int main() { return Column<DEPTH>::sides; }
"""
# One more for each tenth of a scale above 1.
MORE = """
template <> struct Column<-NUMBER> {
  static int count(const std::string& words) {
    std::map<std::string, std::vector<std::array<char, NUMBER>>> seen;
    for (std::istringstream in{words}; in >> std::ws;) in >> seen[words].emplace_back().front();
    std::sort(seen[words].begin(), seen[words].end());
    return static_cast<int>(seen.size());
  }
};
int count_NUMBER(const std::string& words) { return Column<-NUMBER>::count(words); }
"""
HEADERS = ["cstdint", "array", "utility", "tuple", "memory", "vector", "string", "map", "algorithm", "sstream"]


class CxxCompile(Program):
    name = "g++"
    work = "compiling a file with several standard headers"
    measured = 1.8

    def prepare(self, folder, scale):
        headers = HEADERS[:max(3, int(len(HEADERS) * scale))]
        includes = "".join(f"#include <{header}>\n" for header in headers)
        body = BODY.replace("DEPTH", str(max(10, int(200 * min(scale, 1)))))
        more = "".join(MORE.replace("NUMBER", str(number)) for number in range(1, int(10 * (scale - 1)) + 1))
        (folder / "work.cpp").write_text(includes + body + more)

    def commands(self, folder):
        return [Command(["g++", "-std=c++17", "-O1", "-c", "work.cpp", "-o", "work.o"])]

    def produces(self, folder):
        return [folder / "work.o"]
