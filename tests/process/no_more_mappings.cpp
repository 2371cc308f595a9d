// vm.max_map_count used up: somebody else holds all the mappings that a process may have, but for a few. Whoever then asks for
// memory gets it, or NULL and ENOMEM; what cannot be unmapped or guarded is no reason to die; and once there are mappings again, all works.
// runs: preload global static
#include <sys/mman.h>

#include <pthread.h>

#include <atomic>

#include "support/asking.hpp"

namespace {

constexpr int threads = 4;
constexpr std::size_t mib = 1 << 20;
constexpr int most = 1 << 18;  // where more are allowed, using them up takes too long

std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

int allowed() {
  std::FILE* const file = std::fopen("/proc/sys/vm/max_map_count", "re");
  int count = 0;
  if (file == nullptr || std::fscanf(file, "%d", &count) != 1)
    process::skip("nobody says how many mappings there may be");
  std::fclose(file);
  if (count > most) process::skip("more mappings are allowed than can be used up");
  return count;
}

// A piece of address space in as many mappings as the system grants: every other page may be read.
class Crowd {
 public:
  explicit Crowd(int allowed) : bytes_{2 * static_cast<std::size_t>(allowed) * page()} {
    void* const begin =
        ::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(begin != MAP_FAILED);
    begin_ = static_cast<char*>(begin);
  }

  // Effects: takes all mappings, and gives `spare` of them back, at least.
  void take_all_but(int spare) {
    while (taken_ < bytes_ / page() && ::mprotect(begin_ + taken_ * page(), page(), PROT_READ) == 0)
      taken_ += 2;
    CHECK(errno == ENOMEM && taken_ > 1000);
    for (int given = 0; given < spare; given += 2) {
      taken_ -= 2;
      CHECK(::mprotect(begin_ + taken_ * page(), page(), PROT_NONE) == 0);
    }
  }
  void leave() { CHECK(::munmap(begin_, bytes_) == 0); }
  [[nodiscard]] long mappings() const { return static_cast<long>(taken_); }

 private:
  char* begin_;
  std::size_t bytes_;
  std::size_t taken_ = 0;  // pages, to the first of those that were not split
};

std::atomic<long> asked{0};
std::atomic<long> refused{0};
std::atomic<int> work{
    0};  // a number for each piece of work; the threads, who have to be there before, wait for it
std::atomic<int> done{0};

void ask(std::uint64_t seed) {
  const process::Requests requests = process::ask_all(seed, 8 * mib);
  asked += requests.asked;
  refused += requests.refused;
}

void* ask_whenever_told(void* self) {
  for (int last = 0; last >= 0;) {
    work.wait(last);
    last = work;
    if (last > 0) ask(reinterpret_cast<std::uintptr_t>(self) * 1000 + static_cast<std::uintptr_t>(last));
    ++done;
    done.notify_all();
  }
  return nullptr;
}

void all_threads_do(int number) {
  done = 0;
  work = number;
  work.notify_all();
  if (number > 0) ask(static_cast<std::uint64_t>(number));
  for (int so_far = done; so_far < threads; so_far = done) done.wait(so_far);
}

}  // namespace

int main() {
  process::must_be_ours();
  const int limit = allowed();
  pthread_t pool[threads];
  for (std::uintptr_t i = 0; i < threads; ++i)
    CHECK(pthread_create(&pool[i], nullptr, ask_whenever_told, reinterpret_cast<void*>(i + 1)) == 0);
  all_threads_do(1);
  CHECK(refused == 0);
  int number = 1;
  long crowd_of = 0;
  for (const int spare : {64, 16, 4, 0}) {
    Crowd crowd{limit};
    crowd.take_all_but(spare);
    crowd_of = crowd.mappings();
    for (int i = 0; i < process::times(2); ++i) all_threads_do(++number);
    malloc_trim(0);
    crowd.leave();
    const long refused_in_need = refused;
    all_threads_do(++number);
    CHECK(refused == refused_in_need);  // now that there is enough
    process::heap_must_be_valid();
  }
  all_threads_do(-1);
  for (const pthread_t thread : pool) CHECK(pthread_join(thread, nullptr) == 0);
  process::figure(crowd_of, "mappings at most that others held");
  process::figure(asked, "requests beside them");
  process::figure(refused, "of them refused, by NULL and ENOMEM");
}
