// Row 6: after a fork each side has the heap for itself. Both write patterns of their own into old and new blocks of
// every size and find only their own, which a heap in shared mappings would not grant.
// runs: preload global static
#include "support/process.hpp"

namespace {

constexpr std::size_t largest = 8 << 20;
constexpr int steps = 20;  // 16 bytes, then twice as many each time

struct Side {
  unsigned char* old[steps];
  unsigned char* made[steps];
};

[[nodiscard]] std::size_t size_of(int step) { return std::size_t{16} << step; }

void take(unsigned char* (&blocks)[steps]) {
  for (int i = 0; i < steps; ++i) {
    blocks[i] = static_cast<unsigned char*>(std::malloc(size_of(i)));
    CHECK(blocks[i] != nullptr);
  }
}

void write(Side& side, int mark) {
  for (int i = 0; i < steps; ++i) {
    std::memset(side.old[i], mark, size_of(i));
    std::memset(side.made[i], mark + 1, size_of(i));
  }
}

void all_are(const unsigned char* bytes, std::size_t size, int mark) {
  CHECK(bytes[0] == mark && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

void verify(Side& side, int mark) {
  for (int i = 0; i < steps; ++i) {
    all_are(side.old[i], size_of(i), mark);
    all_are(side.made[i], size_of(i), mark + 1);
    std::free(side.old[i]);
    std::free(side.made[i]);
  }
  process::heap_must_be_valid();
}

void tell(int pipe) { CHECK(::write(pipe, "", 1) == 1); }

void wait(int pipe) {
  char byte = 0;
  CHECK(::read(pipe, &byte, 1) == 1);
}

void one_fork() {
  static_assert(std::size_t{16} << (steps - 1) == largest);
  int down[2];
  int up[2];
  CHECK(::pipe(down) == 0 && ::pipe(up) == 0);
  Side side{};
  take(side.old);
  for (int i = 0; i < steps; ++i) std::memset(side.old[i], 'b', size_of(i));
  const pid_t child = ::fork();
  CHECK(child >= 0);
  take(side.made);
  if (child == 0) {
    wait(down[0]);  // the parent has written
    for (int i = 0; i < steps; ++i) all_are(side.old[i], size_of(i), 'b');
    write(side, 'x');
    tell(up[1]);
    wait(down[0]);  // and has looked
    verify(side, 'x');
    ::_exit(0);
  }
  write(side, 'p');
  tell(down[1]);
  wait(up[0]);
  verify(side, 'p');
  tell(down[1]);
  CHECK(process::succeeded(process::wait_for(child, 20)));
  for (const int each : {down[0], down[1], up[0], up[1]}) ::close(each);
}

}  // namespace

int main() {
  process::must_be_ours();
  for (int i = 0; i < process::times(3); ++i) one_fork();
}
