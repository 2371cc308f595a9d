// Plays the files named, or those in the folders named, once each: what was found stays found where there is no libFuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);

namespace {

std::size_t played = 0;

void play(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  ++played;
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (!std::filesystem::is_directory(arguments[i])) {
      play(arguments[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator{arguments[i]}) play(entry.path());
  }
  if (played == 0) std::fputs("usage: fuzz_NAME FILE-OR-FOLDER...: there was nothing to play\n", stderr);
  return played == 0 ? 2 : 0;
}
