#include "foreign.hpp"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../base/range.hpp"
#include "../platform/fatal.hpp"
#include "../platform/raw_os.hpp"
#include "../platform/report.hpp"
#include "../platform/start.hpp"
#include "kitchen.hpp"

namespace basalt::door {

namespace {

#if defined(BASALT_PRELOADED)
constexpr ForeignPolicy built_in = when_preloaded;
#else
constexpr ForeignPolicy built_in = ForeignPolicy::abort;
#endif

// The dynamic linker's image in memory, up to the end of its last page: its own little malloc starts there.
[[nodiscard]] Range dynamic_linker() noexcept {
  auto* const base = reinterpret_cast<std::byte*>(::getauxval(AT_BASE));
  if (base == nullptr) return {};
  ElfW(Ehdr) header;
  std::memcpy(&header, base, sizeof header);
  std::size_t size = 0;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    std::memcpy(&segment, base + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD) size = segment.p_vaddr + segment.p_memsz;
  }
  return {base, align_up(size, RawOs::page_size())};
}

constinit std::atomic<bool> reported{false};

}  // namespace

ForeignPolicy foreign_policy() noexcept {
  const char* const wish = ::secure_getenv("BASALT_FOREIGN");
  if (wish != nullptr && std::strcmp(wish, "abort") == 0) return ForeignPolicy::abort;
  if (wish != nullptr && std::strcmp(wish, "leak") == 0) return ForeignPolicy::leak;
  return built_in;
}

namespace {

[[noreturn]] void refuse_foreign(const void* pointer, const char* caller) noexcept {
  Report report;
  report << "basalt: invalid pointer in " << caller << ": " << pointer << " was not allocated here\n";
  end_report(
      report, Noticed::at_once,
      "it may lie on the stack or in data, come from another allocator (if the program is to have two, "
      "BASALT_FOREIGN=leak goes on), or have been freed long ago");
}

void handle(const void* pointer, const char* caller) noexcept {
  auto* const place = static_cast<std::byte*>(const_cast<void*>(pointer));
  if (dynamic_linker().contains({place, 1})) return;
  if (foreign_policy() == ForeignPolicy::abort) refuse_foreign(pointer, caller);
  if (reported.exchange(true, std::memory_order_relaxed)) return;
  warn(Text{} << "basalt: invalid pointer in " << caller << ": " << pointer << " was not allocated here"
              << "; it is left alone, and more of its kind go unreported."
              << " The program may bundle an allocator of its own; BASALT_FOREIGN=abort stops here");
}

}  // namespace

void handle_foreign(const void* pointer, const char* caller) noexcept {
  if (!libc_up()) return;  // from before there was an allocator
  const int errno_before = errno;
  handle(pointer, caller);
  errno = errno_before;
}

}  // namespace basalt::door
