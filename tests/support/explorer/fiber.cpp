#include "support/explorer/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define BASALT_FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASALT_FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define BASALT_FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BASALT_FIBER_TSAN 1
#endif
#endif

#if defined(BASALT_FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(BASALT_FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace basalt::explorer {
namespace {

Fiber* departing = nullptr;  // who switched last: the arriving side tells the sanitizer whose stack it left

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

Fiber::Fiber(std::size_t bytes) : bytes_(bytes) {
  const std::size_t guard = page_bytes();
  mapping_ = ::mmap(nullptr, bytes + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED || ::mprotect(mapping_, guard, PROT_NONE) != 0) {
    std::perror("explorer: no memory for a fiber's stack");
    std::abort();
  }
  stack_ = static_cast<std::byte*>(mapping_) + guard;
}

Fiber::~Fiber() {
#if defined(BASALT_FIBER_TSAN)
  if (mapping_ != nullptr && sanitizer_ != nullptr) __tsan_destroy_fiber(sanitizer_);
#endif
  if (mapping_ != nullptr) ::munmap(mapping_, bytes_ + page_bytes());
}

void Fiber::prepare(Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
  prepare_sanitizers();
  ::getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = bytes_;
  context_.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  ::makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self));
}

// makecontext passes ints only, so `this` travels in two halves.
void Fiber::enter(unsigned high, unsigned low) {
  auto* self = reinterpret_cast<Fiber*>((static_cast<std::uintptr_t>(high) << 32) | low);
  self->arrived();
  self->entry_(self->argument_);
  std::abort();
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
  departing = &from;
#if defined(BASALT_FIBER_ASAN)
  __sanitizer_start_switch_fiber(&from.sanitizer_, to.stack_, to.bytes_);
#endif
#if defined(BASALT_FIBER_TSAN)
  if (from.sanitizer_ == nullptr) from.sanitizer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.sanitizer_, 0);
#endif
  ::swapcontext(&from.context_, &to.context_);
  from.arrived();
}

void Fiber::arrived() {
#if defined(BASALT_FIBER_ASAN)
  const void* stack = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(sanitizer_, &stack, &bytes);
  if (departing->mapping_ == nullptr) {
    departing->stack_ = static_cast<std::byte*>(const_cast<void*>(stack));
    departing->bytes_ = bytes;
  }
#endif
}

void Fiber::prepare_sanitizers() {
#if defined(BASALT_FIBER_ASAN)
  __asan_unpoison_memory_region(stack_, bytes_);  // the red zones of the frames that are now forgotten
  sanitizer_ = nullptr;
#endif
#if defined(BASALT_FIBER_TSAN)
  if (sanitizer_ != nullptr) __tsan_destroy_fiber(sanitizer_);
  sanitizer_ = __tsan_create_fiber(0);
#endif
}

}  // namespace basalt::explorer
