// One misuse of memory, on request: crimes CRIME SIZE THREAD AGE, as tests/misuse/matrix.py calls it.
//
//   CRIME    a name of the table below; without arguments they are listed
//   SIZE     bytes of the block that it is about
//   THREAD   same, other (the crime is another thread's than the one that allocated) or gone (whose thread has ended)
//   AGE      how many blocks come and go before
//
// Says "committed" when the crime is done; then goes on as a program would that has not noticed: what it allocates and frees is
// where late checks can find something.
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

namespace {

std::size_t size;

// What the compiler must not see through.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

char* made() {
  char* const block = opaque(static_cast<char*>(std::malloc(size)));
  if (block == nullptr) std::_Exit(3);
  std::memset(block, 0x5a, size < 4096 ? size : 4096);
  return block;
}

void drop(char* p) { std::free(opaque(p)); }

char global_bytes[64];

struct Crime {
  const char* name;
  const char* words;
  void (*commit)(char* block);
  bool wants_block = true;
};

constexpr Crime crimes[] = {
    {"double-free", "free twice in a row", [](char* p) { drop(p), drop(p); }},
    {"double-free-later", "free twice, another block of the size freed in between",
     [](char* p) {
       char* const other = made();
       drop(p), drop(other), drop(p);
     }},
    {"double-free-reused", "free twice, the memory wanted again in between",
     [](char* p) {
       drop(p);
       char* const next = made();
       drop(p);
       (void)opaque(next);
     }},
    {"free-inside", "free a pointer 16 bytes into the block", [](char* p) { drop(p + 16); }},
    {"free-unaligned", "free a pointer 1 byte into the block", [](char* p) { drop(p + 1); }},
    {"free-stack", "free a pointer to the stack",
     [](char*) {
       alignas(16) char local[64];
       drop(local);
     },
     false},
    {"free-global", "free a pointer to a global", [](char*) { drop(global_bytes); }, false},
    {"free-mapping", "free what mmap gave",
     [](char*) {
       drop(static_cast<char*>(
           ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
     },
     false},
    {"free-wild", "free a pointer to nowhere",
     [](char*) { drop(reinterpret_cast<char*>(std::uintptr_t{0x4141'4141'4140})); }, false},
    {"realloc-freed", "realloc what was freed",
     [](char* p) {
       drop(p);
       (void)opaque(std::realloc(opaque(p), size + 1));
     }},
    {"size-of-freed", "malloc_usable_size of what was freed",
     [](char* p) {
       drop(p);
       (void)opaque(malloc_usable_size(opaque(p)));
     }},
    {"wrong-size", "sized delete with half the size",
     [](char*) { operator delete(opaque(operator new(size)), size / 2); }, false},
    {"size-by-one", "sized delete with one byte too few",
     [](char*) { operator delete(opaque(operator new(size)), size - 1); }, false},
    {"free-of-new", "free what new gave", [](char*) { std::free(opaque(operator new(size))); }, false},
    {"delete-of-array", "delete what new[] gave",
     [](char*) { operator delete(opaque(operator new[](size))); }, false},
    {"overflow", "write a 0 behind the block, then free it",
     [](char* p) {
       opaque(p)[size] = 0;
       drop(p);
     }},
    {"overflow-far", "write 64 bytes past the end, then free it",
     [](char* p) {
       for (std::size_t i = 0; i < 64; ++i) opaque(p)[size + i] = 'A';
       drop(p);
     }},
    {"underflow", "write before the block, then free it",
     [](char* p) {
       opaque(p)[-1] = 'A';
       drop(p);
     }},
    {"write-freed", "write to what was freed",
     [](char* p) {
       drop(p);
       opaque(p)[size / 2] = 'A';
     }},
    {"read-freed", "read what was freed, and find it",
     [](char* p) {
       opaque(p)[20 % size] = 'S';
       drop(p);
       if (opaque(p)[20 % size] != 'S') {
         std::fputs("hidden\n", stderr);
         std::_Exit(4);
       }
     }},
};

void age(int blocks) {
  std::vector<void*> held;
  std::uint64_t dice = static_cast<std::uint64_t>(blocks) * 2654435761U + 1;
  for (int i = 0; i < blocks; ++i) {
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    if (held.size() > 50 && (dice >> 40) % 2 == 0) {
      std::swap(held[(dice >> 33) % held.size()], held.back());
      std::free(held.back());
      held.pop_back();
    } else {
      held.push_back(std::malloc((dice >> 33) % (i % 10 == 0 ? 2 * size + 1 : 500)));
    }
  }
  for (void* block : held) std::free(block);
}

// As a program that has not noticed.
void go_on() {
  for (int round = 0; round < 3; ++round) {
    std::vector<char*> held;
    for (std::size_t i = 0; i < (size > 100'000 ? 20 : 3000); ++i) held.push_back(made());
    for (char* block : held) std::free(block);
  }
  malloc_trim(0);
}

void commit(const Crime& crime, char* block) {
  crime.commit(block);
  (void)!::write(2, "committed\n", 10);
  go_on();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    for (const Crime& crime : crimes)
      std::printf("%s\t%s\t%d\n", crime.name, crime.words, crime.wants_block ? 1 : 0);
    return count == 1 ? 0 : 2;
  }
  size = std::strtoull(arguments[2], nullptr, 10);
  age(std::atoi(arguments[4]));
  for (const Crime& crime : crimes) {
    if (std::strcmp(crime.name, arguments[1]) != 0) continue;
    char* block = nullptr;
    if (std::strcmp(arguments[3], "gone") == 0) {
      std::thread{[&] { block = made(); }}.join();
      commit(crime, block);
    } else {
      block = crime.wants_block ? made() : nullptr;
      if (std::strcmp(arguments[3], "same") == 0) commit(crime, block);
      if (std::strcmp(arguments[3], "other") == 0) std::thread{[&] { commit(crime, block); }}.join();
    }
    return 0;
  }
  return 2;
}
