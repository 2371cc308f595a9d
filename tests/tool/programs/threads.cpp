// Four threads; each allocates what the next one frees, and each frees memory that an older thread left.
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

constexpr int rounds = 20'000;
constexpr int threads = 4;

std::atomic<void*> seats[threads];

int main() {
  std::vector<std::thread> all;
  for (int i = 0; i != threads; ++i) {
    all.emplace_back([i] {
      for (int round = 0; round != rounds; ++round) {
        std::free(seats[i].exchange(std::malloc(16 + static_cast<std::size_t>(round % 500))));
        std::free(seats[(i + 1) % threads].exchange(nullptr));
      }
    });
  }
  for (std::thread& one : all) one.join();
  for (auto& seat : seats) std::free(seat.load());
}
