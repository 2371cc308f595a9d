// What is random in a process is so from its first request on, which a C++ program makes before its libraries' constructors run. With the
// addresses of all files the same, only what the kernel has drawn for the process can make one differ from another: here, in the order of
// the slots that it is given.
// runs: none
// engine runs: none
// hardened runs: preload
#include <sys/personality.h>

#include <string>

#include "support/process.hpp"

namespace {

constexpr std::uintptr_t span_alignment = 16 << 10;

// The places of some blocks in their span, as text; nothing of where the span lies.
void tell_places() {
  std::string places;  // libstdc++ is linked: it has allocated long since
  void* blocks[32];
  for (void*& block : blocks) block = process::opaque(std::malloc(200));
  for (void* const block : blocks)
    places += std::to_string(reinterpret_cast<std::uintptr_t>(block) % span_alignment) + " ";
  CHECK(::write(2, places.data(), places.size()) == static_cast<ssize_t>(places.size()));
}

// Returns: what a process says whose files all lie where those of the others do.
process::Outcome told() {
  return process::outcome_of([] {
    if (::personality(ADDR_NO_RANDOMIZE) == -1) ::_exit(process::skipped);
    ::execl(process::own_path(), process::own_path(), "tell", static_cast<char*>(nullptr));
    ::_exit(1);
  });
}

}  // namespace

int main(int count, char**) {
  process::must_be_ours();
  if (count > 1) return tell_places(), 0;
  const process::Outcome first = told();
  const process::Outcome second = told();
  if (WEXITSTATUS(first.status) == process::skipped)
    process::skip("the kernel cannot be asked to leave addresses alone");
  CHECK(process::succeeded(first.status) && process::succeeded(second.status) && first.words[0] != '\0');
  CHECK(std::strcmp(first.words, second.words) != 0);
}
