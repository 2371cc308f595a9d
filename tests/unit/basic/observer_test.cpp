#include "basic/observer.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <string>

#include "basic/raw_alloc.hpp"
#include "basic/text_observer.hpp"
#include "platform/raw_os.hpp"
#include "source/fixed_buffer.hpp"
#include "source/mmap_grower.hpp"
#include "support/counting_observer.hpp"
#include "support/seed.hpp"

namespace basalt {
namespace {

// Every sentence, with the addresses told from the first one on.
struct Collected {
  std::string text;
  void say(const Text& sentence) { text.append(sentence.data(), sentence.size()) += '\n'; }
};

std::string with_offsets(std::string text, const std::byte* origin) {
  for (std::size_t at = text.find("0x"); at != std::string::npos; at = text.find("0x", at)) {
    std::size_t length = 0;
    const std::size_t address = std::stoull(text.substr(at), &length, 16);
    text.replace(at, length, "+" + std::to_string(address - address_of(origin)));
  }
  return text;
}

TEST(TextObserver, TellsTheReferenceRunStepByStep) {
  RawAlloc<ToyHeap<>, FirstFit, GiveBackNever, TextObserver<Collected>> heap;
  std::byte* const first = heap.allocate({64}).value;
  std::byte* const second = heap.allocate({64}).value;
  (void)heap.allocate({224});
  heap.deallocate(second, 64);
  (void)heap.allocate({32});
  heap.deallocate(second + 32, 32);
  (void)heap.allocate({64});
  EXPECT_EQ(with_offsets(heap.observer().sink().text, first),
            "grow (+0, 64)\n"
            "grow (+64, 64)\n"
            "grow (+128, 256)\n"
            "insert (+352, 32)\n"
            "insert (+64, 64)\n"
            "search (+64, 64)\n"
            "split (+64, 64): took (+96, 32)\n"
            "insert (+96, 32)\n"
            "merge (+64, 32) with (+96, 32)\n"
            "search (+64, 64)\n"
            "unlink (+64, 64)\n");
}

TEST(TextObserver, WritesLinesToADescriptorWithoutAllocating) {
  testing::internal::CaptureStderr();
  TextObserver<ToDescriptor<RawOs>> observer;
  alignas(16) static std::byte memory[64];
  observer.merged({memory, 16}, {memory + 16, 48});
  observer.remapped({memory, 32}, {memory, 64});
  observer.decommitted({memory, 64});
  observer.gave_back({memory, 64});
  EXPECT_EQ(
      with_offsets(testing::internal::GetCapturedStderr(), memory),
      "merge (+0, 16) with (+16, 48)\nremap (+0, 32) to (+0, 64)\ndecommit (+0, 64)\ngive back (+0, 64)\n");
}

// Whoever hears the events alone knows the list: a lesson can draw it.
template <class Fit>
void the_events_tell_the_list() {
  RawAlloc<MmapGrower<RawOs>, Fit, GiveBackAbove<16 * KiB, 32 * KiB>, test::ShadowList> heap;
  test::Dice dice{test::seed()};
  std::vector<std::pair<std::byte*, std::size_t>> live;
  for (int step = 0; step < 4000; ++step) {
    const std::size_t size = dice.size(18);
    if (live.empty() || (live.size() < 100 && dice.one_in(2))) {
      live.emplace_back(heap.allocate({size, std::size_t{8} << dice.below(6)}).value, size);
    } else {
      std::swap(live[dice.below(live.size())], live.back());
      auto& [block, old_size] = live.back();
      if (dice.one_in(2)) {
        block = heap.reallocate(block, old_size, {size}).value;
        old_size = size;
      } else {
        heap.deallocate(block, old_size);
        live.pop_back();
      }
    }
    std::map<std::byte*, std::size_t> blocks;
    heap.list().each([&](Range block) { blocks.emplace(block.begin, block.size); });
    ASSERT_EQ(blocks, heap.observer().blocks) << "after step " << step;
  }
}

TEST(Events, TellTheListWithFirstFit) { the_events_tell_the_list<FirstFit>(); }
TEST(Events, TellTheListWithNextFit) { the_events_tell_the_list<NextFit>(); }
TEST(Events, TellTheListWithBestFit) { the_events_tell_the_list<BestFit>(); }

}  // namespace
}  // namespace basalt
