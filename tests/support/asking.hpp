// Every function that gives memory, asked as a program asks: for what there may not be.
#pragma once

#include <malloc.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "support/process.hpp"

namespace process {

// One way to ask for `size` bytes, and the way in which they go back.
struct Function {
  const char* name;
  void* (*ask)(std::size_t size);
  void (*release)(void* block) = std::free;
};

inline void release_by_delete(void* block) { ::operator delete(block); }

inline void* ask_for_aligned(std::size_t size, std::size_t alignment) {
  void* block = nullptr;
  const int error = ::posix_memalign(&block, alignment, size);
  CHECK((error == 0) == (block != nullptr) && (error == 0 || error == ENOMEM));
  if (error != 0) errno = error;
  return block;
}

inline void* ask_new(std::size_t size) {
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
  }
}

// The old block must be there if the longer one cannot be had.
inline void* ask_by_growing(std::size_t size) {
  auto* const small = static_cast<unsigned char*>(opaque(std::malloc(size / 3 + 1)));
  if (small == nullptr) return nullptr;
  small[size / 3] = 77;
  auto* const block = static_cast<unsigned char*>(std::realloc(small, size + 1));
  CHECK((block == nullptr ? small : block)[size / 3] == 77);
  if (block != nullptr) return block;
  std::free(small);
  errno = ENOMEM;  // which free keeps; what it was is checked where realloc is asked alone
  return nullptr;
}

inline void* ask_zeroed(std::size_t size) {
  const auto* const block = static_cast<unsigned char*>(std::calloc(1, size));
  if (block == nullptr) return nullptr;
  for (std::size_t at = 0; at < size; at += 509) CHECK(block[at] == 0);
  return const_cast<unsigned char*>(block);
}

// The only one that says nothing of why.
inline void* ask_new_for_null(std::size_t size) {
  void* const block = ::operator new(size, std::nothrow);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

inline constexpr Function functions[] = {
    {"malloc", [](std::size_t size) { return std::malloc(size); }},
    {"calloc", ask_zeroed},
    {"realloc", [](std::size_t size) { return std::realloc(nullptr, size); }},
    {"realloc of a block", ask_by_growing},
    {"reallocarray", [](std::size_t size) { return ::reallocarray(nullptr, size, 1); }},
    {"posix_memalign", [](std::size_t size) { return ask_for_aligned(size, 256); }},
    {"posix_memalign of a huge alignment", [](std::size_t size) { return ask_for_aligned(size, 4 << 20); }},
    {"aligned_alloc", [](std::size_t size) { return std::aligned_alloc(4096, size); }},
    {"memalign", [](std::size_t size) { return ::memalign(64, size); }},
    {"valloc", [](std::size_t size) { return ::valloc(size); }},
    {"pvalloc", [](std::size_t size) { return ::pvalloc(size); }},
    {"new", ask_new, release_by_delete},
    {"new that gives null", ask_new_for_null, release_by_delete},
};

// What came of many requests.
struct Requests {
  long asked = 0;
  long refused = 0;
};

// Effects: asks every function for blocks of many sizes, holds what it gets, and frees it; a refusal is NULL and ENOMEM.
inline Requests ask_all(std::uint64_t seed, std::size_t largest) {
  Random random{seed};
  Requests requests;
  unsigned char* held[128] = {};
  std::size_t sizes[128] = {};
  const auto function_of = [seed](std::size_t i) -> const Function& {
    return functions[(seed + i) % std::size(functions)];
  };
  for (std::size_t i = 0; i < 128; ++i) {
    const Function& function = function_of(i);
    const std::size_t size = sizes[i] = 1 + random.below(i % 4 == 3 ? largest : 20'000);
    errno = 0;
    held[i] = static_cast<unsigned char*>(opaque(function.ask(size)));
    ++requests.asked;
    if (held[i] == nullptr) {
      if (errno != ENOMEM) std::fprintf(stderr, "%s(%zu)\n", function.name, size);
      CHECK(errno == ENOMEM);
      ++requests.refused;
    } else {
      held[i][0] = held[i][size - 1] = static_cast<unsigned char>(i);
    }
  }
  for (std::size_t i = 0; i < 128; ++i) {
    if (held[i] == nullptr) continue;
    CHECK(held[i][0] == held[i][sizes[i] - 1] && held[i][0] == static_cast<unsigned char>(i));
    CHECK(malloc_usable_size(held[i]) >= sizes[i]);
    errno = EDOM;
    function_of(i).release(held[i]);
    CHECK(errno == EDOM);
  }
  return requests;
}

}  // namespace process
