// Blocks for signal handlers, under every schedule and every value that a load may return.

#include <gtest/gtest.h>

#include <cerrno>

#include "engine/nested.hpp"
#include "platform/raw_os.hpp"
#include "support/explored.hpp"

namespace basalt::engine {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

// Memory for the blocks of one execution, twice: two may map it, and one gives it back.
struct ModelOs : RawOs {
  static Result<std::byte*> map(std::size_t) noexcept {
    return Result<std::byte*>::success(rooms_[mapped++]);
  }
  static Error unmap(Range) noexcept { return --mapped, no_error; }
  static inline int mapped = 0;

 private:
  alignas(16 * KiB) static inline std::byte rooms_[3][65 * 16 * KiB];
};

struct Blocks {
  Blocks() { ModelOs::mapped = 0; }

  NestedBlocks<ModelOs, ModelAtomics> nested;
  Plain<int>
      contents[2];  // of the first two slots: the lowest that is free is taken, and two threads have no more

  void* take() {
    void* const block = nested.allocate(100, 16);
    require(block != nullptr && nested.owns(block), "there are blocks");
    write(block);
    return block;
  }
  void give(void* block) {
    write(block);
    require(nested.free(block), "a block was lost");
  }

 private:
  void write(const void* block) {
    Plain<int>& here = contents[address_of(block) / NestedBlocks<ModelOs>::slot_bytes % 2];
    here.set(here.get() + 1);
  }
};

void two_handlers(Execution& run) {
  Blocks& blocks = run.make<Blocks>();
  void* taken[2] = {};
  run.threads([&] { taken[0] = blocks.nested.allocate(1, 1); },
              [&] { taken[1] = blocks.nested.allocate(1, 1); });
  require(taken[0] != taken[1] && taken[0] != nullptr && taken[1] != nullptr, "two have one block");
  require(ModelOs::mapped == 1, "the memory of who came second went back");
  require(blocks.nested.owns(taken[0]) && blocks.nested.owns(taken[1]),
          "a block is not where the others are");
}

void taken_and_given_back(Execution& run) {
  Blocks& blocks = run.make<Blocks>();
  blocks.give(blocks.take());
  const auto handle = [&] { blocks.give(blocks.take()); };
  run.threads(handle, handle);
}

// Somebody frees something else, and asks whether it is one of these.
void asked_about(Execution& run) {
  Blocks& blocks = run.make<Blocks>();
  run.threads([&] { blocks.give(blocks.take()); },
              [&] { require(!blocks.nested.owns(&blocks), "a stranger"); });
}

constexpr Scenario scenarios[] = {
    {"two_handlers", two_handlers},
    {"taken_and_given_back", taken_and_given_back},
    {"asked_about", asked_about},
};

TEST(NestedBlocksExplored, ABlockHasOneOwner) {
  test::expect_explored({"blocks for signal handlers", {"src/engine/nested.hpp"}, scenarios});
}

}  // namespace
}  // namespace basalt::engine
