// The few functions of a C library that freestanding code needs: compilers call them of their own accord. With bulk
// memory each is one instruction.
#include <cstddef>

#include "fatal.hpp"

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) { return __builtin_memcpy(to, from, bytes); }

void* memmove(void* to, const void* from, std::size_t bytes) { return __builtin_memmove(to, from, bytes); }

void* memset(void* to, int value, std::size_t bytes) { return __builtin_memset(to, value, bytes); }

// What assert(3) calls.
[[noreturn]] void __assert_fail(const char* condition, const char* file, int line, const char* function) {
  basalt::fatal(basalt::Text{} << "basalt: " << file << ":" << line << ": " << function
                               << ": it does not hold that " << condition);
}
}
