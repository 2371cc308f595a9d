// Tells the steps of the small kitchen in words, without allocating.
#pragma once

#include "../base/range.hpp"
#include "../base/text.hpp"
#include "../platform/os.hpp"

namespace basalt {

// `Sink` is where a sentence goes: a type with `void say(const Text&)`. A block is written as its address and its
// size in bytes, as in `split (0x7f0000001000, 64): took (0x7f0000001020, 32)`.
template <class Sink>
class TextObserver {
 public:
  void searched(Range block) noexcept { say("search", block); }
  void inserted(Range block) noexcept { say("insert", block); }
  void unlinked(Range block) noexcept { say("unlink", block); }
  void split(Range block, Range taken) noexcept { say("split", block, ": took ", taken); }
  void merged(Range block, Range follower) noexcept { say("merge", block, " with ", follower); }
  void grew(Range fresh) noexcept { say("grow", fresh); }
  void gave_back(Range run) noexcept { say("give back", run); }
  void decommitted(Range run) noexcept { say("decommit", run); }
  void remapped(Range from, Range to) noexcept { say("remap", from, " to ", to); }

  [[nodiscard]] Sink& sink() noexcept { return sink_; }

 private:
  static Text& put(Text& text, Range range) noexcept {
    return text << "(" << range.begin << ", " << range.size << ")";
  }

  void say(const char* step, Range range) noexcept {
    Text text;
    text << step << " ";
    sink_.say(put(text, range));
  }

  void say(const char* step, Range range, const char* relation, Range other) noexcept {
    Text text;
    put(text << step << " ", range) << relation;
    sink_.say(put(text, other));
  }

  [[no_unique_address]] Sink sink_{};
};

// One line for each sentence, to a file descriptor.
template <Os System, int File = 2>
struct ToDescriptor {
  static void say(const Text& sentence) noexcept {
    Text line = sentence;
    line.end_line();
    System::write(File, line.data(), line.size());
  }
};

}  // namespace basalt
