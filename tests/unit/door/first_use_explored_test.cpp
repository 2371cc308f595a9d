// What a process does once, under every schedule and every value that a load may return.

#include "door/first_use.hpp"

#include <gtest/gtest.h>

#include "support/explored.hpp"

namespace basalt::door {
namespace {

using explorer::Execution;
using explorer::ModelAtomics;
using explorer::Plain;
using explorer::require;
using explorer::Scenario;

struct Process {
  FirstUse<ModelAtomics> first_use;
  Plain<int> prepared{0};

  void enter() {
    if (!first_use.is_over()) first_use.pass([&] { prepared.set(prepared.get() + 1); });
    if (first_use.is_over()) require(prepared.get() == 1, "it is said to be over, and is not");
  }
};

void two_enter(Execution& run) {
  Process& process = run.make<Process>();
  run.threads([&] { process.enter(); }, [&] { process.enter(); });
  require(process.prepared.get() == 1, "it was done twice, or not at all");
}

void three_enter(Execution& run) {
  Process& process = run.make<Process>();
  run.threads([&] { process.enter(); }, [&] { process.enter(); }, [&] { process.enter(); });
  require(process.prepared.get() == 1, "it was done twice, or not at all");
}

constexpr Scenario scenarios[] = {{"two_enter", two_enter}, {"three_enter", three_enter}};

TEST(FirstUseExplored, HappensOnce) {
  test::expect_explored({"what a process does once", {"src/door/first_use.hpp"}, scenarios});
}

}  // namespace
}  // namespace basalt::door
