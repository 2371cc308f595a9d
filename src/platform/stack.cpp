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

// Returns: how many calls were found, `pc` among them if it is not 0.
std::size_t follow(std::uintptr_t pc, std::uintptr_t frame, std::uintptr_t* calls,
                   std::size_t most) noexcept {
  std::size_t count = 0;
  if (pc != 0) calls[count++] = pc;
  const std::uintptr_t page = RawOs::page_size();
  std::uintptr_t known = UINTPTR_MAX;  // the number of a page that can be read; at first none
  while (count < most && frame != 0 && frame % sizeof(void*) == 0) {
    for (const std::uintptr_t place : {frame, frame + sizeof(void*)}) {
      if (place / page != known && !readable(place)) return count;
      known = place / page;
    }
    const Frame here = *reinterpret_cast<const Frame*>(frame);
    if (here.returns_to < lowest_code) return count;
    calls[count++] = here.returns_to - 1;
    if (here.above <= frame || here.above - frame > largest_frame) return count;
    frame = here.above;
  }
  return count;
}

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
  count = static_cast<std::uint32_t>(follow(pc, frame, calls, most));
}

// What lies at our own frame is read in both: the call below may reuse it.
void Stack::capture() noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  walk(own->returns_to - 1, own->above);
}

std::size_t capture_calls(std::uintptr_t* calls, std::size_t most) noexcept {
  const auto* const own = static_cast<const Frame*>(__builtin_frame_address(0));
  return follow(own->returns_to - 1, own->above, calls, most);
}

}  // namespace basalt
