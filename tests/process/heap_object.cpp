// Heaps as objects, as a program meets them: in C, in C++, by std::pmr, in standard containers, and by free and delete.
//
// runs: none
// engine runs: global static
#include <basalt/heap.hpp>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/process.hpp"

namespace {

void in_plain_c() {
  const basalt_heap_options options{"plain", 1 << 20, nullptr, nullptr};
  basalt_heap* const heap = basalt_heap_create(&options);
  CHECK(heap != nullptr);
  auto* p = static_cast<char*>(basalt_heap_calloc(heap, 100, 10));
  for (int i = 0; i < 1000; ++i) CHECK(p[i] == 0);
  std::strcpy(p, "contents");
  p = static_cast<char*>(basalt_heap_realloc(heap, p, 100'000));
  CHECK(std::strcmp(p, "contents") == 0);
  CHECK(basalt_heap_of(p) == heap);
  errno = 0;
  CHECK(basalt_heap_malloc(heap, 2 << 20) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(basalt_heap_calloc(heap, SIZE_MAX / 2, 3) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(basalt_heap_aligned_alloc(heap, 24, 48) == nullptr && errno == EINVAL);
  basalt_heap_figures figures;
  basalt_heap_inspect(heap, &figures);
  CHECK(std::strcmp(figures.name, "plain") == 0);
  CHECK(figures.live_blocks == 1 && figures.live_bytes >= 100'000 && figures.limit == 1 << 20);
  basalt_heap_free(heap, p);
  basalt_heap_free(heap, nullptr);
  CHECK(basalt_heap_realloc(heap, basalt_heap_malloc(heap, 1), 0) == nullptr);
  basalt_heap_inspect(heap, &figures);
  CHECK(figures.live_blocks == 0);
  basalt_heap_destroy(heap);
  basalt_heap_destroy(nullptr);
}

void by_class() {
  basalt::heap heap;
  basalt_heap_class classes[4];
  CHECK(basalt_heap_classes(heap.handle(), classes, 4) == 0);
  for (const std::size_t size : {1000U, 100U, 100U, 60'000U}) CHECK(heap.allocate(size) != nullptr);
  CHECK(basalt_heap_classes(heap.handle(), nullptr, 0) == 2);
  CHECK(basalt_heap_classes(heap.handle(), classes, 4) == 2);
  CHECK(classes[0].slot_bytes == 112 && classes[0].live_blocks == 2 && classes[0].mapped_bytes == 16384);
  CHECK(classes[1].slot_bytes == 1024 && classes[1].live_blocks == 1 && classes[1].mapped_bytes >= 16384);
  const std::size_t large = 65536;  // in whole slices
  CHECK(classes[0].mapped_bytes + classes[1].mapped_bytes + large == heap.figures().mapped_bytes);
}

// Whoever is given a block need not know where it came from.
void by_the_global_doors() {
  basalt::heap heap{"global doors"};
  void* p = heap.allocate(100);
  CHECK(malloc_usable_size(p) >= 100);
  p = std::realloc(p, 1'000'000);
  CHECK(heap.owns(p));
  std::free(p);
  ::operator delete(heap.allocate(100));
  ::operator delete (heap.allocate(50'000), std::size_t{50'000});
  ::operator delete (heap.allocate(100), std::size_t{100});
  std::thread{[p = heap.allocate(100)] { std::free(p); }}.join();
  CHECK(heap.figures().live_blocks == 0);
  CHECK(basalt_validate() == nullptr);
}

void in_containers() {
  basalt::heap heap;
  basalt::heap_resource resource{heap};
  basalt::heap_resource same{heap};
  basalt::heap another;
  basalt::heap_resource other{another};
  CHECK(resource.is_equal(same) && !resource.is_equal(other));
  CHECK(!resource.is_equal(*std::pmr::new_delete_resource()));
  {
    std::pmr::unordered_map<int, std::pmr::string> words{&resource};
    for (int i = 0; i < 300; ++i) words.emplace(i, "a string too long to be kept inside of itself");
    CHECK(heap.figures().live_blocks > 600);
    using Allocator = basalt::heap_allocator<int>;
    std::vector<int, Allocator> mine{Allocator{heap}};
    std::vector<int, Allocator> theirs{Allocator{another}};
    mine.assign(1000, 1);
    theirs.assign(1000, 2);
    swap(mine, theirs);
    CHECK(another.owns(mine.data()) && heap.owns(theirs.data()));
    mine = theirs;
    CHECK(heap.owns(mine.data()));
    using Pairs = basalt::heap_allocator<std::pair<const int, int>>;
    std::map<int, int, std::less<>, Pairs> squares{Pairs{another}};  // rebound
    for (int i = 0; i < 100; ++i) squares[i] = i * i;
    CHECK(another.figures().live_blocks == 101 || another.figures().live_blocks == 100);
    struct alignas(256) Wide {
      char bytes[256];
    };
    std::vector<Wide, basalt::heap_allocator<Wide>> wide(10, basalt::heap_allocator<Wide>{heap});
    CHECK(reinterpret_cast<std::uintptr_t>(wide.data()) % 256 == 0);
    bool too_long = false;
    try {
      wide.resize(wide.max_size());
    } catch (const std::bad_alloc&) {
      too_long = true;
    }
    CHECK(too_long);
  }
  CHECK(heap.figures().live_blocks == 0 && another.figures().live_blocks == 0);
  heap.limit(1);
  bool refused = false;
  try {
    std::pmr::vector<int> none(100'000, &resource);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused);
  basalt::heap moved{std::move(heap)};
  moved.limit(0);
  CHECK(std::pmr::vector<int>(100, &resource).size() == 100);
}

int raise_limit(basalt_heap* heap, size_t size, void* asked) {
  *static_cast<size_t*>(asked) += size;
  basalt_heap_limit(heap, 2 << 20);
  return size < 2 << 20;
}

void with_a_callback() {
  size_t asked = 0;
  basalt::heap heap{basalt_heap_options{"asks", 1 << 20, raise_limit, &asked}};
  CHECK(heap.allocate(1'500'000) != nullptr);
  CHECK(asked == 1'500'000);
  CHECK(heap.allocate(3 << 20) == nullptr);
  CHECK(asked == 1'500'000 + (3 << 20));
}

void* hoard = nullptr;

int give_hoard(size_t size) {
  if (hoard == nullptr || size < 400 << 20) return 0;
  std::free(std::exchange(hoard, nullptr));
  return 1;
}

// In a child, which has little address space left.
void with_a_memory_handler() {
  const pid_t child = fork();
  if (child == 0) {
    CHECK(basalt_set_memory_handler(give_hoard) == nullptr);
    hoard = std::malloc(300 << 20);
    CHECK(hoard != nullptr);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = 900 << 20;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    void* const first = std::malloc(400 << 20);
    CHECK(first != nullptr);
    void* const second = std::malloc(400 << 20);
    CHECK(second != nullptr && hoard == nullptr);
    errno = 0;
    CHECK(std::malloc(400 << 20) == nullptr && errno == ENOMEM);
    CHECK(basalt_set_memory_handler(nullptr) == give_hoard);
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

// A child has the heaps of its parent, and may go on with them, whatever other threads were doing.
void across_fork() {
  basalt::heap heap;
  std::atomic<bool> enough{false};
  std::thread other{[&] {
    while (!enough.load(std::memory_order_relaxed)) heap.deallocate(heap.allocate(100));
  }};
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (int n = 0; n < 1000; ++n) heap.deallocate(heap.allocate(100));
      { basalt::heap fresh{std::move(heap)}; }
      _exit(basalt_validate() == nullptr ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  enough.store(true, std::memory_order_relaxed);
  other.join();
}

}  // namespace

int main() {
  process::must_be_ours();
  in_plain_c();
  by_class();
  by_the_global_doors();
  in_containers();
  with_a_callback();
  with_a_memory_handler();
  across_fork();
  return 0;
}
