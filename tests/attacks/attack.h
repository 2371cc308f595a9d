// What the attacks share: how one says what it reached, and how it hides from the compiler what it does.
//
// Each attack is a program of one file. The lines at its head are read by attacks.py:
//
//   attack    what it is called in the table
//   has       what the attacker has to work with: one mistake of the program, and knowledge
//   reaches   what counts as success
//   never     on which of our libraries it must not succeed in any run
//   efforts   how hard it tries, as numbers: one row of the table for each
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What an attacker wants a block at: memory of the program that no allocator gave out.
static char target[256] __attribute__((aligned(64), unused));

static inline void say_and_end(const char* verdict) {
  (void)!write(1, verdict, strlen(verdict));
  _exit(0);
}
static inline void reached(void) { say_and_end("attack: reached\n"); }
static inline void nothing(void) { say_and_end("attack: nothing\n"); }

// What the compiler must not see through.
static inline char* opaque(void* p) {
  __asm__ volatile("" : "+r"(p) : : "memory");
  return (char*)p;
}

static inline char* take(size_t size) { return opaque(malloc(size)); }
static inline void drop(void* p) { free(opaque(p)); }

// A write or a read where the program has no right to, which no compiler can know.
static inline void put_word(char* p, size_t offset, uintptr_t word) {
  memcpy(opaque(p) + offset, &word, sizeof word);
}
static inline uintptr_t word_at(char* p, size_t offset) {
  uintptr_t word;
  memcpy(&word, opaque(p) + offset, sizeof word);
  return word;
}

static inline int overlap(const char* a, size_t of_a, const char* b, size_t of_b) {
  return (uintptr_t)a < (uintptr_t)b + of_b && (uintptr_t)b < (uintptr_t)a + of_a;
}

static inline size_t effort(int count, char** arguments) {
  return count < 2 ? 1 : (size_t)strtoull(arguments[1], NULL, 10);
}

// glibc keeps the links of its free blocks mixed with the place where they lie, which the attacker knows.
static inline uintptr_t mixed(const void* link, const void* place) {
  return (uintptr_t)link ^ ((uintptr_t)place >> 12);
}
