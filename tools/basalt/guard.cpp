#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "allocators.hpp"
#include "child.hpp"
#include "commands.hpp"
#include "console.hpp"

namespace basalt::tool {

namespace {

struct Wishes {
  std::string allocator = "basalt", guard;
  bool inside = false;
};

// Returns: what the library says that this process was started on; nullptr if guarded slots are live.
[[nodiscard]] const char* what_is_wrong() {
  using SelfTest = const char* (*)();
  const auto self_test = reinterpret_cast<SelfTest>(::dlsym(RTLD_DEFAULT, "basalt_guard_self_test"));
  return self_test == nullptr ? "it has no guarded slots" : self_test();
}

int say(const Wishes& wishes) {
  const char* const wrong = what_is_wrong();
  if (wrong == nullptr) {
    fmt::print("{}  guarded slots of {} are live\n", styled(Style::good, "✓"), wishes.allocator);
    return success;
  }
  fmt::print("{}  guarded slots of {} are not live: {}\n", styled(Style::bad, "✗"), wishes.allocator, wrong);
  return found_wanting;
}

// The test is made by the library in a process that is started as any program would be: this one, once more.
int test(const Wishes& wishes) {
  if (wishes.inside) return say(wishes);
  const Allocator allocator = allocator_named(wishes.allocator);
  Started started{{"/proc/self/exe", "guard", "--inside", "-a", allocator.name}, allocator.library, {}, ""};
  if (!wishes.guard.empty())
    started.environment.emplace_back("BASALT_GUARD", wishes.guard);
  else if (std::getenv("BASALT_GUARD") == nullptr)
    started.environment.emplace_back("BASALT_GUARD", "on");
  Child child{started};
  return child.wait();
}

}  // namespace

Action describe_guard(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_option("-a,--allocator", wishes->allocator, "basalt, hardened, or a library by its path")
      .shows_default();
  page.add_option("--guard", wishes->guard,
                  "the value of BASALT_GUARD to test with: off, on, N or N:SLOTS (on, unless it is set)");
  page.add_flag("--inside", wishes->inside, "").hidden();
  return [wishes] { return test(*wishes); };
}

}  // namespace basalt::tool
