// The crimes of the matrix of misuse, and the functions through which they are committed.
//
// A crime gets a block that nobody has freed, and does one thing that no program may do. What goes on before and after that is a matter
// of the stage (stage.hpp).
#pragma once

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace misuse {

// What the compiler must not see through.
template <class T>
inline T opaque(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

constexpr std::align_val_t wide{64};

// How a process ends whose crime has come to nothing: what it looked for was not there; it was told that there is no such block.
enum : int { status_hidden = 4, status_none = 5 };

// A way to get a block, to give it back as one should, and a function that can be given a pointer that it must not be given.
struct Api {
  const char* name;
  void* (*make)(std::size_t size);
  void (*end)(char* p, std::size_t size);
  void (*call)(char* p, std::size_t size);
};

inline void* by_malloc(std::size_t size) { return std::malloc(size); }
inline void* by_new(std::size_t size) { return operator new(size); }
inline void* by_new_array(std::size_t size) { return operator new[](size); }
inline void* by_aligned_new(std::size_t size) { return operator new(size, wide); }
inline void free_it(char* p, std::size_t) { std::free(p); }
inline void delete_it(char* p, std::size_t) { operator delete(p); }
inline void delete_sized(char* p, std::size_t size) { operator delete(p, size); }
inline void delete_aligned(char* p, std::size_t) { operator delete(p, wide); }
inline void delete_array(char* p, std::size_t) { operator delete[](p); }
inline void reallocate(char* p, std::size_t size) { (void)opaque(std::realloc(p, size + 1)); }
inline void reallocate_in_place(char* p, std::size_t size) { (void)opaque(std::realloc(p, size)); }
inline void ask_size(char* p, std::size_t) {
  if (opaque(malloc_usable_size(p)) == 0) ::_exit(status_none);
}

enum : unsigned {
  by_free = 1,
  by_delete = 2,
  by_sized = 4,
  by_realloc = 8,
  by_usable = 16,
  by_aligned = 32,
  by_array = 64,
  by_fitting = 128,
  freeing = by_free | by_delete | by_sized | by_realloc,
  all = freeing | by_usable
};

constexpr Api apis[] = {
    {"free", by_malloc, free_it, free_it},
    {"delete", by_new, delete_it, delete_it},
    {"sized delete", by_new, delete_sized, delete_sized},
    {"realloc", by_malloc, free_it, reallocate},
    {"malloc_usable_size", by_malloc, free_it, ask_size},
    {"aligned delete", by_aligned_new, delete_aligned, delete_aligned},
    {"delete[]", by_new_array, delete_array, delete_array},
    {"fitting realloc", by_malloc, free_it, reallocate_in_place},
};

// What is misused: blocks of `size` bytes, through one API.
struct Means {
  const Api* api = nullptr;
  void* (*maker)(std::size_t) = nullptr;  // api->make, unless the crime is that it is another
  std::size_t size = 0;

  [[nodiscard]] char* made() const {
    char* const block = opaque(static_cast<char*>(maker(size)));
    if (block == nullptr) ::_exit(3);
    std::memset(block, 0x5a, std::min<std::size_t>(size, 4096));
    return block;
  }
  void end(char* p) const { api->end(opaque(p), size); }
  void call(char* p) const { api->call(opaque(p), size); }

  // Returns: the bytes from one block to the next where two lie side by side.
  [[nodiscard]] std::size_t stride() const {
    char* blocks[64];
    const std::size_t count = size > 100'000 ? 4 : 64;
    for (std::size_t i = 0; i < count; ++i) blocks[i] = made();
    std::sort(blocks, blocks + count);
    std::size_t least = SIZE_MAX;
    for (std::size_t i = 1; i < count; ++i)
      least = std::min(least, static_cast<std::size_t>(blocks[i] - blocks[i - 1]));
    for (std::size_t i = 0; i < count; ++i) end(blocks[i]);
    return least;
  }
};

enum class About { block, nothing };

struct Crime {
  const char* name;
  const char* words;
  unsigned apis;
  void (*commit)(const Means& with, char* block);
  About about = About::block;
  void* (*maker)(std::size_t) = nullptr;
};

inline char global_bytes[64];

inline char* mapped() {
  return static_cast<char*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

inline void call(const Means& with, char* p) { with.call(p); }

// The names of those that have none but `call` to tell what they do say what the block is.
constexpr Crime crimes[] = {
    {"double-free", "give back twice in a row", all | by_fitting,
     [](const Means& with, char* p) { with.end(p), with.call(p); }},
    {"double-free-later", "give back twice, another block of the size given back in between",
     all | by_fitting,
     [](const Means& with, char* p) {
       char* const other = with.made();
       with.end(p), with.end(other), with.call(p);
     }},
    {"double-free-reused", "give back twice, the memory wanted again in between", freeing,
     [](const Means& with, char* p) {
       with.end(p);
       char* const next = with.made();
       with.call(p);
       (void)opaque(next);
     }},
    {"inside", "give a pointer into the block", all | by_fitting,
     [](const Means& with, char* p) { with.call(p + (with.size > 16 ? 16 : 8)); }},
    {"unaligned", "give a pointer 1 byte into the block", all | by_fitting,
     [](const Means& with, char* p) { with.call(p + 1); }},
    {"stack", "give a pointer to the stack", all,
     [](const Means& with, char*) {
       alignas(16) char local[64];
       with.call(local);
     },
     About::nothing},
    {"global", "give a pointer to a global", all, [](const Means& with, char*) { with.call(global_bytes); },
     About::nothing},
    {"mapping", "give what mmap gave", all, [](const Means& with, char*) { with.call(mapped()); },
     About::nothing},
    {"wild", "give a pointer to nowhere", all,
     [](const Means& with, char*) { with.call(reinterpret_cast<char*>(std::uintptr_t{0x4141'4141'4140})); },
     About::nothing},
    {"non-canonical", "give a pointer that is no address", all,
     [](const Means& with, char*) {
       with.call(reinterpret_cast<char*>(std::uintptr_t{0xdead'beef'dead'bee0}));
     },
     About::nothing},
    {"half-size", "give half the size", by_sized,
     [](const Means& with, char* p) { operator delete(opaque(p), with.size / 2); }},
    {"size-by-one", "give one byte too few as the size", by_sized,
     [](const Means& with, char* p) { operator delete(opaque(p), with.size - 1); }},
    {"of-malloc", "give what malloc gave", by_delete | by_sized | by_aligned | by_array, call, About::block,
     by_malloc},
    {"of-new", "give what new gave", by_free | by_realloc | by_aligned | by_array, call, About::block,
     by_new},
    {"of-array", "give what new[] gave", by_free | by_delete | by_realloc, call, About::block, by_new_array},
    {"of-aligned", "give what aligned new gave", by_free | by_delete | by_realloc | by_array, call,
     About::block, by_aligned_new},
    {"overflow", "write a 0 behind the block, then give it", freeing,
     [](const Means& with, char* p) {
       opaque(p)[with.size] = 0;
       with.call(p);
     }},
    {"overflow-next", "write on into the next slot, then give it", by_free,
     [](const Means& with, char* p) {
       std::memset(opaque(p) + with.size, 'A', with.stride() - with.size + 16);
       with.call(p);
     }},
    {"overflow-jump", "write into the next slot and nowhere else, then give it", by_free,
     [](const Means& with, char* p) {
       std::memset(opaque(p) + with.stride(), 'A', 16);
       with.call(p);
     }},
    {"underflow", "write before the block, then give it", by_free,
     [](const Means& with, char* p) {
       opaque(p)[-1] = 'A';
       with.call(p);
     }},
    {"write-freed", "write to what was given back", by_free,
     [](const Means& with, char* p) {
       with.end(p);
       opaque(p)[with.size / 2] = 'A';
     }},
    {"read-freed", "read what was given back, and find it", by_free,
     [](const Means& with, char* p) {
       opaque(p)[20 % with.size] = 'S';
       with.end(p);
       if (opaque(p)[20 % with.size] != 'S') ::_exit(status_hidden);
     }},
};

inline const Crime* crime_of(const char* name) {
  const auto* const found = std::find_if(std::begin(crimes), std::end(crimes), [&](const Crime& crime) {
    return std::strcmp(crime.name, name) == 0;
  });
  return found == std::end(crimes) ? nullptr : found;
}
inline const Api* api_of(const char* name) {
  const auto* const found = std::find_if(std::begin(apis), std::end(apis),
                                         [&](const Api& api) { return std::strcmp(api.name, name) == 0; });
  return found == std::end(apis) ? nullptr : found;
}

}  // namespace misuse
