// Children that are forked from one parent put their blocks elsewhere: in another order of what they find in their bins, and of
// what fills those.
// runs: none
// engine runs: none
// hardened runs: preload global static
#include <vector>

#include "support/process.hpp"

extern "C" int basalt_option_set(const char* name, const char* value) __attribute__((weak));

namespace {

using Places = std::vector<std::uintptr_t>;

// Returns: what a child does that is forked now, as it tells.
template <class Body>
Places told_by_child(std::size_t count, Body&& body) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  Places places(count);
  const std::size_t bytes = count * sizeof places[0];
  if (child == 0) {
    body(places);
    CHECK(write(ends[1], places.data(), bytes) == static_cast<ssize_t>(bytes));
    _exit(0);
  }
  CHECK(read(ends[0], places.data(), bytes) == static_cast<ssize_t>(bytes));
  CHECK(waitpid(child, nullptr, 0) == child);
  close(ends[0]), close(ends[1]);
  return places;
}

template <class Body>
void expect_difference(const char* what, std::size_t count, Body&& body) {
  const Places first = told_by_child(count, body);
  const Places second = told_by_child(count, body);
  if (first == second) std::fprintf(stderr, "two children do the same: %s\n", what);
  CHECK(first != second);
}

std::uintptr_t taken(std::size_t size) {
  return reinterpret_cast<std::uintptr_t>(process::opaque(std::malloc(size)));
}

// Effects: takes blocks that are next behind `passed` others.
void take(Places& places, std::size_t size, std::size_t passed) {
  while (passed-- != 0) (void)taken(size);
  for (std::uintptr_t& place : places) place = taken(size);
}

}  // namespace

int main() {
  process::must_be_ours();
  CHECK(basalt_option_set("guard", "off") == 0);
  std::vector<void*> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(std::malloc(100));
  for (void* const block : blocks) std::free(block);
  expect_difference("what is in a bin", 64, [](Places& places) { take(places, 100, 0); });
  expect_difference("what fills bins", 64, [](Places& places) { take(places, 40, 200); });
}
