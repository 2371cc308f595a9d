// What no allocator may complain of: valid SECONDS SEED [aged]
//
// Four threads call every function of the malloc family and every form of new and delete, in sizes from 0 to some MiB, write to the
// first and the last byte that they asked for, free what others have allocated, and end and begin. Says how many operations there were.
// A byte that has changed, or memory that there should have been, ends the program with 1.
#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "dice.hpp"

extern "C" void free_sized(void*, std::size_t) __attribute__((weak));
extern "C" void free_aligned_sized(void*, std::size_t, std::size_t) __attribute__((weak));
extern "C" void cfree(void*) __attribute__((weak));

namespace {

using misuse::Dice;

enum class By : unsigned char { malloc, aligned, one, array, wide_one, wide_array };
constexpr unsigned makers = 6;
constexpr std::align_val_t wide{64};

struct Block {
  unsigned char* begin = nullptr;
  std::size_t size = 0;
  By by = By::malloc;
  std::size_t alignment = 0;  // that was asked for, if a sized free may be told of it
};

std::atomic<bool> over{false};
std::atomic<std::uint64_t> operations{0};

void insist(bool well, const char* what) {
  if (well) return;
  std::fprintf(stderr, "valid: %s\n", what);
  std::_Exit(1);
}

// Most are small; one in ten thousand has some MiB.
std::size_t some_size(Dice& dice) {
  const std::size_t kind = dice.roll(10'000);
  return kind == 0    ? dice.roll(6 << 20)
         : kind < 10  ? dice.roll(300'000)
         : kind < 200 ? dice.roll(33'000)
                      : dice.roll(600);
}

unsigned char mark_of(const Block& block) {
  return static_cast<unsigned char>(reinterpret_cast<std::uintptr_t>(block.begin) >> 4);
}

void mark(const Block& block) {
  if (block.size != 0) block.begin[0] = block.begin[block.size - 1] = mark_of(block);
}
void insist_on_mark(const Block& block) {
  if (block.size != 0)
    insist(block.begin[0] == mark_of(block) && block.begin[block.size - 1] == mark_of(block),
           "a block has changed");
}

void* by_malloc(Dice& dice, std::size_t size) {
  switch (dice.roll(4)) {
    case 0:
      return std::calloc(1, size);
    case 1:
      return reallocarray(nullptr, 1, size);
    default:
      return std::malloc(size);
  }
}

void* aligned(Dice& dice, std::size_t size, std::size_t& alignment) {
  void* p = nullptr;
  switch (dice.roll(5)) {
    case 0:
      return memalign(std::size_t{16} << dice.roll(13), size);
    case 1:
      alignment = std::size_t{32} << dice.roll(5);
      return std::aligned_alloc(alignment, size);
    case 2:
      return valloc(size);
    case 3:
      return pvalloc(size);
    default:
      return posix_memalign(&p, std::size_t{8} << dice.roll(13), size) == 0 ? p : nullptr;
  }
}

void* raw(Dice& dice, By by, std::size_t size, std::size_t& alignment) {
  const bool quiet = dice.roll(2) == 0;
  switch (by) {
    case By::malloc:
      return by_malloc(dice, size);
    case By::aligned:
      return aligned(dice, size, alignment);
    case By::one:
      return quiet ? operator new(size, std::nothrow) : operator new(size);
    case By::array:
      return quiet ? operator new[](size, std::nothrow) : operator new[](size);
    case By::wide_one:
      return quiet ? operator new(size, wide, std::nothrow) : operator new(size, wide);
    default:
      return quiet ? operator new[](size, wide, std::nothrow) : operator new[](size, wide);
  }
}

Block made(Dice& dice) {
  Block block;
  block.by = dice.roll(2) == 0 ? By::malloc : static_cast<By>(dice.roll(makers));
  block.size = some_size(dice);
  block.begin = static_cast<unsigned char*>(raw(dice, block.by, block.size, block.alignment));
  insist(block.begin != nullptr, "no memory");
  mark(block);
  return block;
}

void end_by_free(Dice& dice, void* p) {
  if (cfree != nullptr && dice.roll(4) == 0) return cfree(p);
  std::free(p);
}

void end_malloc(Dice& dice, const Block& block) {
  if (free_sized != nullptr && dice.roll(2) == 0) return free_sized(block.begin, block.size);
  end_by_free(dice, block.begin);
}

void end_aligned(Dice& dice, const Block& block) {
  if (free_aligned_sized != nullptr && block.alignment != 0 && dice.roll(2) == 0)
    return free_aligned_sized(block.begin, block.alignment, block.size);
  end_by_free(dice, block.begin);
}

// What a program calls only where a constructor has thrown.
void end_quietly(const Block& block) {
  switch (block.by) {
    case By::one:
      return operator delete(block.begin, std::nothrow);
    case By::array:
      return operator delete[](block.begin, std::nothrow);
    case By::wide_one:
      return operator delete(block.begin, wide, std::nothrow);
    default:
      return operator delete[](block.begin, wide, std::nothrow);
  }
}

void end(Dice& dice, const Block& block) {
  if (block.by != By::malloc && block.by != By::aligned && dice.roll(4) == 0) return end_quietly(block);
  const bool sized = dice.roll(2) == 0;
  switch (block.by) {
    case By::malloc:
      return block.size == 0 ? end_by_free(dice, block.begin) : end_malloc(dice, block);
    case By::aligned:
      return block.size == 0 ? end_by_free(dice, block.begin) : end_aligned(dice, block);
    case By::one:
      return sized ? operator delete(block.begin, block.size) : operator delete(block.begin);
    case By::array:
      return sized ? operator delete[](block.begin, block.size) : operator delete[](block.begin);
    case By::wide_one:
      return sized ? operator delete(block.begin, block.size, wide) : operator delete(block.begin, wide);
    default:
      return sized ? operator delete[](block.begin, block.size, wide) : operator delete[](block.begin, wide);
  }
}

void resize(Dice& dice, Block& block) {
  block.size = 1 + (dice.roll(2) == 0 ? block.size + dice.roll(block.size + 40) : some_size(dice));
  const unsigned char first = block.begin[0];
  block.begin = static_cast<unsigned char*>(std::realloc(block.begin, block.size));
  insist(block.begin != nullptr && block.begin[0] == first, "realloc has lost a byte");
  mark(block);
}

void step(Dice& dice, Block& block) {
  if (block.begin == nullptr) {
    block = made(dice);
    return;
  }
  insist_on_mark(block);
  const std::size_t kind = dice.roll(10);
  if (kind == 0) {
    insist(malloc_usable_size(block.begin) >= block.size, "less can be used than was asked for");
  } else if (kind == 1 && block.size != 0 && (block.by == By::malloc || block.by == By::aligned)) {
    block.by = By::malloc;
    block.alignment = 0;
    resize(dice, block);
  } else {
    end(dice, block);
    block = {};
  }
}

// Blocks that any thread may take, and leave one of its own for.
struct Place {
  std::atomic<bool> taken{false};
  Block block;
};
Place places[256];

void swap_with_others(Dice& dice, Block& block) {
  Place& place = places[dice.roll(std::size(places))];
  if (place.taken.exchange(true, std::memory_order_acquire)) return;
  std::swap(place.block, block);
  place.taken.store(false, std::memory_order_release);
}

void* life(void* seed) {
  Dice dice{reinterpret_cast<std::uintptr_t>(seed)};
  Block held[300];
  constexpr int steps = 1'000'000;
  for (int i = 0; i < steps && !over.load(std::memory_order_relaxed); i += 1000) {
    for (int j = 0; j < 1000; ++j) {
      Block& block = held[dice.roll(std::size(held))];
      if (j % 16 == 0) swap_with_others(dice, block);
      step(dice, block);
    }
    operations.fetch_add(1000, std::memory_order_relaxed);
  }
  for (const Block& block : held)
    if (block.begin != nullptr) end(dice, block);
  return nullptr;
}

// One thread after another.
void* lives(void* seed) {
  for (std::uintptr_t n = reinterpret_cast<std::uintptr_t>(seed); !over.load(std::memory_order_relaxed);
       n += 4) {
    pthread_t thread;
    insist(pthread_create(&thread, nullptr, life, reinterpret_cast<void*>(n)) == 0, "no thread");
    pthread_join(thread, nullptr);
  }
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const std::uintptr_t seed = std::strtoull(arguments[2], nullptr, 10);
  if (count == 4) misuse::age(seed);
  pthread_t threads[4];
  for (std::uintptr_t i = 0; i < 4; ++i)
    insist(pthread_create(&threads[i], nullptr, lives, reinterpret_cast<void*>(1'000'000 * seed + i)) == 0,
           "no thread");
  const timespec rest{std::atoi(arguments[1]), 0};
  nanosleep(&rest, nullptr);
  over.store(true);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  std::printf("%llu\n", static_cast<unsigned long long>(operations.load()));
}
