// The options, from the environment and from C: see include/basalt/basalt.h for what each function promises.
#include <basalt/basalt.h>

#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "../base/buffer_text.hpp"
#include "../base/compiler.hpp"
#include "../engine/options.hpp"
#include "../guard/self_test.hpp"
#include "../platform/container.hpp"
#include "../platform/fatal.hpp"
#include "../platform/faults.hpp"
#include "../platform/raw_os.hpp"
#include "foreign.hpp"
#include "kitchen.hpp"

namespace basalt::door {

namespace {

using engine::Option;

constinit std::atomic<bool> heeded{false};

// Returns: what follows BASALT_ in an entry of the environment; nullptr if something else is at its beginning.
[[nodiscard]] const char* without_prefix(const char* entry) noexcept {
  for (const char* prefix = "BASALT_"; *prefix != '\0'; ++prefix) {
    if (*entry++ != *prefix) return nullptr;
  }
  return entry;
}

void print(const Text& text) noexcept { RawOs::write(2, text.data(), text.size()); }

void print_container() noexcept {
  const engine::Policy& policy = kitchen.policy();
  const std::size_t memory = policy.container_bytes.load(std::memory_order_relaxed);
  Text text;
  text << "Container: memory ";
  if (memory == engine::unlimited) {
    text << "without limit";
  } else {
    text << memory;
  }
  print(text << ", " << policy.processors.load(std::memory_order_relaxed) << " processors\n");
}

[[nodiscard]] const char* guard_self_test() noexcept {
  return guard::self_test(kitchen.guarded(), kitchen.policy().sampling());
}

void print_table() noexcept {
  print(
      Text{}
      << "Options of Basalt: BASALT_KEEP=64M in the environment, or basalt_option_set(\"keep\", \"64M\").\n\n"
      << engine::table_head);
  for (const Option& option : engine::options) {
    Text row;
    engine::write_row(row, option);
    print(row);
  }
  const char* const blind = guard_self_test();
  print(Text{} << "\nGuard: " << (blind == nullptr ? "live" : blind) << "\n");
  Text now;
  now << "Now: ";
  engine::write_now(now, kitchen.policy());
  print(now);
  print_container();
}

[[nodiscard]] bool is_profile(const Option& option) noexcept {
  return option.setting == &engine::Policy::profile;
}

// Effects: gives those options that are wanted what the environment says.
template <class Wanted>
void heed_those(Wanted&& wanted) noexcept {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const char* const text = without_prefix(*entry);
    const Option* const option = text == nullptr ? nullptr : engine::find_option(text, "=");
    if (option == nullptr || !wanted(*option)) continue;
    const char* value = text;
    while (*value++ != '=') continue;
    const engine::Parsed parsed = engine::parse(*option, value);
    if (!parsed.ok) {
      warn(engine::refusal(*option, value));
    } else if (option->setting != nullptr) {
      engine::apply(kitchen.policy(), *option, parsed.value);
    }
  }
}

[[nodiscard]] bool help_is_wanted() noexcept {
  const char* const wish = ::secure_getenv("BASALT_HELP");
  return wish != nullptr && wish[0] == '1' && wish[1] == '\0';
}

[[nodiscard]] bool any_option_in_environment() noexcept {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (without_prefix(*entry) != nullptr) return true;
  }
  return false;
}

void heed_container() noexcept {
  engine::Policy& policy = kitchen.policy();
  if (policy.container.load(std::memory_order_relaxed) == 0) return;
  const Allowance found = allowance();
  policy.container_bytes.store(found.memory, std::memory_order_relaxed);
  policy.processors.store(found.processors, std::memory_order_relaxed);
}

// Effects: writes what an option is that the policy does not know of.
void write_other(BufferText& out, const Option& option) noexcept {
  if (&option == engine::find_option("foreign")) {
    out << (foreign_policy() == ForeignPolicy::abort ? "abort" : "leak");
  } else if (&option == engine::find_option("stats")) {
    const char* const file = ::secure_getenv("BASALT_STATS");
    out << (file == nullptr ? "" : file);
  } else {
    out << (help_is_wanted() ? "1" : "0");
  }
}

}  // namespace

// A process that gained privileges does not listen to its environment: whoever started it may be anybody.
void heed_environment() noexcept {
  if (environ == nullptr || heeded.exchange(true, std::memory_order_relaxed)) return;
  kitchen.policy().guard.store(usual_guard, std::memory_order_relaxed);
  const bool listens = ::getauxval(AT_SECURE) == 0 && any_option_in_environment();
  if (listens) {
    heed_those([](const Option& option) { return is_profile(option); });
    heed_those([](const Option& option) { return !is_profile(option); });
  }
  if (kitchen.policy().sampling().rate != 0) expect_faults();  // while a sandbox does not forbid it yet
  heed_container();
  begin_recording();
  if (listens && help_is_wanted()) print_table();
}

}  // namespace basalt::door

using basalt::door::kitchen;

extern "C" {

BASALT_DOOR int basalt_option_set(const char* name, const char* value) {
  const basalt::engine::Option* const option = basalt::engine::find_option(name);
  if (option == nullptr || option->setting == nullptr) return EINVAL;
  const basalt::engine::Parsed parsed = basalt::engine::parse(*option, value);
  if (!parsed.ok) return EINVAL;
  basalt::engine::apply(kitchen.policy(), *option, parsed.value);
  return 0;
}

BASALT_DOOR size_t basalt_option_get(const char* name, char* buffer, size_t size) {
  basalt::BufferText text{buffer, size};
  const basalt::engine::Option* const option = basalt::engine::find_option(name);
  if (option != nullptr && option->setting != nullptr) {
    basalt::engine::write_value(text, *option, basalt::engine::value_of(kitchen.policy(), *option));
  } else if (option != nullptr) {
    basalt::door::write_other(text, *option);
  }
  return text.finish();
}

BASALT_DOOR const char* basalt_guard_self_test() { return basalt::door::guard_self_test(); }

BASALT_DOOR size_t basalt_purge() { return kitchen.purge(); }

BASALT_DOOR size_t basalt_idle_bound() {
  size_t bound = 0;
  kitchen.with_statistics([&bound](const auto& now, const auto&) { bound = now.idle_bound; });
  return bound;
}

}  // extern "C"
