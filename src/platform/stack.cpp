#include "stack.hpp"

#include <pthread.h>

#include "../base/bits.hpp"
#include "../base/range.hpp"
#include "raw_os.hpp"
#include "system_call.hpp"

namespace basalt {

namespace {

constexpr std::uintptr_t largest_frame = 1 << 20;  // bytes
constexpr std::uintptr_t lowest_code = 4096;

// What a function stores where its frame pointer points to.
struct Frame {
  std::uintptr_t above;
  std::uintptr_t returns_to;
};

// Returns: how many calls were found, `pc` among them if it is not 0.
std::size_t follow(std::uintptr_t pc, std::uintptr_t frame, std::uintptr_t* calls, std::size_t most,
                   KnownStack& known_before) noexcept {
  KnownStack known = known_before;  // a copy stays in registers
  std::size_t count = 0;
  if (pc != 0) calls[count++] = pc;
  while (count != most && known.covers(frame)) {
    const Frame here = *reinterpret_cast<const Frame*>(frame);
    if (here.returns_to < lowest_code) break;
    calls[count++] = here.returns_to - 1;
    if (here.above - frame - 1 >= largest_frame) break;  // down, round, or too far
    frame = here.above;
  }
  known_before = known;
  return count;
}

}  // namespace

bool KnownStack::extend_to(std::uintptr_t frame) noexcept {
  return frame % sizeof(void*) == 0 && reach(frame) && reach(frame + sizeof(void*));
}

// Of the page in which the address lies, that is what is asked about: what lies before it may be beyond the stack's top, and tools
// that watch a program's memory complain of any look there.
bool KnownStack::reach(std::uintptr_t address) noexcept {
  const std::uintptr_t page = RawOs::page_size(), wanted = align_down(address, page);
  const auto page_is_readable = [&](std::uintptr_t asked) {
    return readable(asked == wanted ? address : asked);
  };
  if (begin == end || wanted + largest_frame < begin || wanted > end + largest_frame) begin = end = wanted;
  for (; end <= wanted; end += page) {
    if (!page_is_readable(end)) return false;
  }
  for (; begin > wanted; begin -= page) {
    if (!page_is_readable(begin - page)) return false;
  }
  return true;
}

// The kernel compares a word of ours with one of its caller's before it wakes nobody and moves nobody. A futex is what every sandbox
// that lets us live allows.
bool readable(std::uintptr_t address) noexcept {
  constexpr std::uintptr_t private_compare_and_requeue = 4 | 128, nobody = 0, least_word = 0;
  std::uint32_t own = 0;
  const long answer = raw::system_call(raw::Call::futex, align_down(address, 8), private_compare_and_requeue,
                                       nobody, nobody, address_of(&own), least_word);
  return raw::error_in(answer).number != EFAULT;
}

// A mutex that knows its owner knows him by that number, which libc has at hand: to lock one that nobody else has takes no system call.
std::uint32_t thread_number() noexcept {
#if defined(__GLIBC__)
  pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  if (pthread_mutex_lock(&mutex) == 0) {
    const auto number = static_cast<std::uint32_t>(mutex.__data.__owner);
    (void)pthread_mutex_unlock(&mutex);
    return number;
  }
#endif
  return static_cast<std::uint32_t>(raw::system_call(raw::Call::gettid));
}

void Stack::walk(std::uintptr_t pc, std::uintptr_t frame) noexcept {
  thread = thread_number();
  KnownStack known;
  count = static_cast<std::uint32_t>(follow(pc, frame, calls, most, known));
}

// What lies at our own frame is read in both: the call below may reuse it.
void Stack::capture() noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  walk(own->returns_to - 1, own->above);
}

std::size_t capture_calls(std::uintptr_t* calls, std::size_t most) noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  KnownStack known;
  return follow(own->returns_to - 1, own->above, calls, most, known);
}

std::size_t capture_calls(std::uintptr_t* calls, std::size_t most, KnownStack& known) noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  const auto here = reinterpret_cast<std::uintptr_t>(own);
  if (here < known.begin || here >= known.end) known = {};
  const bool leads_up = own->above > here && own->above - here <= largest_frame;
  return follow(own->returns_to - 1, leads_up ? own->above : 0, calls, most, known);
}

}  // namespace basalt
