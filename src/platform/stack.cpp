#include "stack.hpp"

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

}  // namespace

// The kernel reads the set of signals before it looks at what is to be done with it, and there is nothing that ~0 stands for.
bool readable(std::uintptr_t address) noexcept {
  const long answer =
      raw::system_call(raw::Call::rt_sigprocmask, static_cast<std::uintptr_t>(-1), address, 0, 8);
  return raw::error_in(answer).number != EFAULT;
}

std::uint32_t thread_number() noexcept {
  return static_cast<std::uint32_t>(raw::system_call(raw::Call::gettid));
}

void Stack::walk(std::uintptr_t pc, std::uintptr_t frame) noexcept {
  thread = thread_number();
  count = 0;
  if (pc != 0) calls[count++] = pc;
  const std::uintptr_t page = RawOs::page_size();
  std::uintptr_t known = UINTPTR_MAX;  // the number of a page that can be read; at first none
  while (count < most && frame != 0 && frame % sizeof(void*) == 0) {
    for (const std::uintptr_t place : {frame, frame + sizeof(void*)}) {
      if (place / page != known && !readable(place)) return;
      known = place / page;
    }
    const Frame here = *reinterpret_cast<const Frame*>(frame);
    if (here.returns_to < lowest_code) return;
    calls[count++] = here.returns_to - 1;
    if (here.above <= frame || here.above - frame > largest_frame) return;
    frame = here.above;
  }
}

// What lies at our own frame is read here: the call below may reuse it.
void Stack::capture() noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  walk(own->returns_to - 1, own->above);
}

}  // namespace basalt
