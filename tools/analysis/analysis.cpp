#include "analysis.hpp"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "record/live_map.hpp"

namespace basalt::analysis {

namespace {

using trace::Event;
using trace::Op;

constexpr std::uint64_t most_points = 400;

struct Live {
  std::uint64_t number = 0, size = 0, pointer = 0;
  std::uint32_t stack = 0, thread = 0, steps = 0;
};

// What a thread did last.
struct Last {
  std::uint64_t block = UINT64_MAX;  // that it allocated
  bool still_last = false;           // and nothing else since
};

class Pass {
 public:
  Pass(trace::Reader& reader, std::uint64_t chosen)
      : chosen_{chosen}, step_{std::max<std::uint64_t>(1, reader.totals().events / most_points)} {
    found_.sites.resize(std::max<std::size_t>(1, reader.tables().calls.size()));
    found_.fragmentation.known = reader.header().columns.pointers;
  }

  void take(std::uint64_t number, const Event& event) {
    found_.events = number + 1;
    if (event.op == Op::free_unknown) ++found_.unknown_frees;
    if (event.op == Op::free) end(event);
    if (event.op == Op::reallocate) resize(event);
    if (trace::begins_block(event.op) && event.op != Op::reallocate) begin(event, 0);
    if (bytes_ >= highest_.bytes) highest_ = {number, bytes_, live_.size()};
    if (number % step_ == step_ - 1) add_to_curve(number);
    if (number == chosen_) look(number);
  }

  Findings finish() {
    live_.for_each([this](std::uint64_t, const Live& live) {
      site(live.stack).left.add(live.size);
      found_.left.add(live.size);
    });
    return std::move(found_);
  }

 private:
  // The most since the last point, which may be a peak, and what there is now.
  void add_to_curve(std::uint64_t number) {
    if (highest_.event != number) found_.curve.push_back(highest_);
    found_.curve.push_back({number, bytes_, live_.size()});
    highest_ = {};
  }

  [[nodiscard]] static std::uint64_t key(std::uint64_t block) { return (block + 1) << 4; }
  [[nodiscard]] Site& site(std::uint32_t stack) {
    return found_.sites[stack < found_.sites.size() ? stack : 0];
  }

  void begin(const Event& event, std::uint32_t steps) {
    Site& own = site(event.stack);
    own.allocated.add(event.size);
    own.largest = std::max(own.largest, event.size);
    if (own.allocated.count == 1) own.same_size = event.size;
    if (own.same_size != event.size) own.same_size = UINT64_MAX;
    found_.allocated.add(event.size);
    found_.sizes[static_cast<std::size_t>(std::bit_width(event.size))].add(event.size);
    live_.put(key(event.block), {event.block, event.size, event.pointer, event.stack, event.thread, steps});
    bytes_ += event.size;
    births_ = event.block + 1;
    last_[event.thread] = {event.block, true};
  }

  void end(const Event& event) {
    const auto live = live_.take(key(event.ended));
    if (!live) return;
    bytes_ -= live->size;
    Site& own = site(live->stack);
    Last& last = last_[event.thread];
    const std::uint64_t age = births_ - live->number;
    if (last.still_last && last.block == live->number)
      own.temporary.add(live->size), found_.temporary.add(live->size);
    if (age <= short_life) own.brief.add(live->size), found_.brief.add(live->size);
    found_.lifetimes[static_cast<std::size_t>(std::bit_width(age))].add(live->size);
    found_.freed.add(live->size);
    found_.threads[{live->thread, event.thread}].add(live->size);
    if (last.still_last) note_replacement(*live, last.block);
    last.still_last = false;
  }

  // A container that grows allocates the larger block, moves, and frees the smaller one, all in one function.
  void note_replacement(const Live& old, std::uint64_t block) {
    Live* const fresh = live_.find(key(block));
    if (fresh == nullptr || fresh->stack != old.stack || fresh->size <= old.size || old.stack == 0) return;
    fresh->steps = old.steps + 1;
    note_step(site(old.stack), fresh->steps, old.size);
  }

  static void note_step(Site& own, std::uint32_t steps, std::uint64_t copied) {
    ++own.steps;
    own.copied += copied;
    own.longest_steps = std::max<std::uint64_t>(own.longest_steps, steps);
  }

  void resize(const Event& event) {
    const auto old = live_.take(key(event.ended));
    std::uint32_t steps = 0;
    ++found_.reallocated;
    if (old) {
      bytes_ -= old->size;
      found_.freed.add(old->size);
      if (event.size > old->size) steps = old->steps + 1, note_step(site(event.stack), steps, old->size);
    }
    begin(event, steps);
  }

  void look(std::uint64_t number) {
    found_.chosen = {number, bytes_, live_.size()};
    live_.for_each([this](std::uint64_t, const Live& live) {
      site(live.stack).chosen.add(live.size);
      found_.at_chosen.add(live.size);
    });
    if (found_.fragmentation.known) look_at_pages();
  }

  struct PageUse {
    std::uint64_t bytes = 0;
    std::uint32_t stack = 0;
    bool shared = false;  // by blocks of more than one site
  };

  void look_at_pages() {
    std::unordered_map<std::uint64_t, PageUse> pages;
    live_.for_each([&pages](std::uint64_t, const Live& live) {
      const std::uint64_t end = live.pointer + std::max<std::uint64_t>(live.size, 1);
      for (std::uint64_t at = live.pointer; at < end; at = (at / page_bytes + 1) * page_bytes) {
        PageUse& page = pages[at / page_bytes];
        page.shared = page.shared || (page.bytes != 0 && page.stack != live.stack);
        page.bytes += std::min(end, (at / page_bytes + 1) * page_bytes) - at;
        page.stack = live.stack;
      }
    });
    Fragmentation& fragmentation = found_.fragmentation;
    fragmentation.pages = pages.size();
    for (const auto& [number, page] : pages) {
      if (page.bytes >= page_bytes / 4) continue;
      ++fragmentation.sparse_pages;
      fragmentation.bytes_on_sparse += page.bytes;
      if (!page.shared) site(page.stack).pinned.add(page.bytes);
    }
  }

  std::uint64_t chosen_, step_;
  Findings found_;
  Point highest_;
  record::BlockMap<Live> live_;
  std::unordered_map<std::uint32_t, Last> last_;  // by thread
  std::uint64_t bytes_ = 0, births_ = 0;
};

}  // namespace

Site& Site::operator+=(const Site& other) {
  const bool first = allocated.count == 0;
  allocated += other.allocated, chosen += other.chosen, left += other.left, temporary += other.temporary;
  brief += other.brief, pinned += other.pinned;
  steps += other.steps, copied += other.copied;
  longest_steps = std::max(longest_steps, other.longest_steps);
  largest = std::max(largest, other.largest);
  same_size = first || same_size == other.same_size ? other.same_size : UINT64_MAX;
  return *this;
}

std::uint64_t peak_event(const trace::Reader& reader, std::uint64_t events) {
  std::uint64_t most = 0, event = 0;
  for (std::size_t block = 0; block != reader.blocks(); ++block) {
    const trace::Summary& summary = reader.summary(block);
    if (summary.first_event + summary.events > events) break;
    if (summary.peak_bytes > most) most = summary.peak_bytes, event = summary.peak_event;
  }
  return event;
}

std::uint64_t event_at(trace::Reader& reader, std::uint64_t nanoseconds) {
  std::size_t block = 0;
  while (block + 1 < reader.blocks() && reader.summary(block + 1).first_time <= nanoseconds) ++block;
  std::vector<Event> events;
  if (reader.blocks() == 0 || !reader.read(block, events)) return 0;
  std::uint64_t event = reader.summary(block).first_event;
  for (std::size_t i = 1; i < events.size() && events[i].time <= nanoseconds; ++i) ++event;
  return event;
}

namespace {

[[nodiscard]] Findings look_through(trace::Reader& reader, std::uint64_t chosen,
                                    const std::function<void(std::uint64_t)>& progress) {
  Pass pass{reader, chosen};
  std::vector<Event> events;
  for (std::size_t block = 0; block != reader.blocks() && reader.read(block, events); ++block) {
    std::uint64_t number = reader.summary(block).first_event;
    progress(number);
    for (const Event& event : events) pass.take(number++, event);
  }
  return pass.finish();
}

}  // namespace

Findings analyse(trace::Reader& reader, std::uint64_t chosen,
                 const std::function<void(std::uint64_t)>& progress) {
  Findings found = look_through(reader, chosen, progress);
  const std::uint64_t read = found.events;
  if (read == 0 || chosen < read) return found;
  const bool is_peak = chosen == peak_event(reader);
  return look_through(reader, is_peak ? peak_event(reader, read) : read - 1, progress);
}

}  // namespace basalt::analysis
