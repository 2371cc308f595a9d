// Habits that a report has to find, each in a function of its own: a buffer that is made anew each time, a vector that grows, blocks
// that are never freed, and one that holds most.
#include <cstdlib>
#include <vector>

void* volatile sink;

[[gnu::noinline]] void make_a_buffer_each_time() {
  for (int i = 0; i != 5000; ++i) {
    void* const buffer = std::malloc(200);
    sink = buffer;
    std::free(buffer);
  }
}

[[gnu::noinline]] void grow_a_vector() {
  for (int i = 0; i != 200; ++i) {
    int* numbers = nullptr;
    for (std::size_t room = 1; room <= 4096; room *= 2) {
      int* const more = static_cast<int*>(std::malloc(room * sizeof(int)));
      sink = more;
      std::free(numbers);
      numbers = more;
    }
    std::free(numbers);
  }
}

[[gnu::noinline]] void forget_blocks() {
  for (int i = 0; i != 2000; ++i) sink = std::malloc(24);
}

[[gnu::noinline]] void* hold_most() { return std::malloc(3'000'000); }

int main() {
  make_a_buffer_each_time();
  grow_a_vector();
  forget_blocks();
  void* const most = hold_most();
  sink = most;
  std::free(most);
}
