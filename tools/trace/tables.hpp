// What the events of a trace refer to: call stacks, and the files that the addresses in them are from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bytes.hpp"

namespace basalt::trace {

// Stacks are a tree: a node is a call, and its parent is the call from which it was made. A stack is known by the number of
// its innermost call; 0 is the root, which is no call.
//
// Law: a parent's number is smaller than its child's.
struct Call {
  std::uint32_t parent = 0;
  std::uint64_t address = 0;  // inside the call instruction

  friend bool operator==(const Call&, const Call&) = default;
};

// A piece of code, as it lay in the process.
struct Module {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0;  // of `begin`
  std::string path;
  std::string build_id;  // hexadecimal; empty: there is none

  friend bool operator==(const Module&, const Module&) = default;
};

struct Tables {
  std::vector<Call> calls{Call{}};
  std::vector<Module> modules;

  // Returns: the calls of a stack, the innermost first.
  [[nodiscard]] std::vector<std::uint64_t> addresses(std::uint32_t stack) const;

  // Returns: nullptr if the address is in none. The later one wins where two have lain.
  [[nodiscard]] const Module* module_of(std::uint64_t address) const;
};

[[nodiscard]] Bytes bytes_of(std::span<const Call> calls, std::uint32_t first);
[[nodiscard]] Bytes bytes_of(std::span<const Module> modules);

// Effects: what the bytes hold is added to the tables.
// Returns: whether it made sense; if not, the tables are as they were.
[[nodiscard]] bool add_calls(std::span<const std::uint8_t> bytes, Tables& tables);
[[nodiscard]] bool add_modules(std::span<const std::uint8_t> bytes, Tables& tables);

}  // namespace basalt::trace
