#include "collector.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "maps.hpp"
#include "platform/ticks.hpp"

namespace basalt::record {

using observe::Note;
using observe::RecordingHead;
using trace::Event;
using trace::Op;

struct Collector::Moving {
  std::uint64_t pointer = 0;
  bool known = false;
  Living block;
};

namespace {

constexpr std::uint64_t most_unsaid = 1024;  // records between two words to the writers
constexpr std::size_t batch = 32;            // records that are read before the first of them is handled
constexpr std::uint64_t most_looks = 10'000;
constexpr std::uint64_t most_skew = 1 << 16;                 // ticks between the clocks of two processors
constexpr std::uint64_t longest_pending_ns = 2'000'000'000;  // what is lost at most if the tool is killed

// Where the younger of two tracks lies until it is the only one.
[[nodiscard]] std::string next_path(const std::string& path) { return path + ".next"; }

[[nodiscard]] std::uint64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

[[nodiscard]] trace::Header header_of(const Plan& plan, std::uint32_t pid) {
  return {plan.command, std::string{"basalt record "} + BASALT_VERSION, pid, plan.columns};
}

}  // namespace

Clock Clock::measured() {
  using namespace std::chrono;
  const auto begin = steady_clock::now();
  const std::uint64_t first = ticks();
  std::this_thread::sleep_for(milliseconds{10});
  const std::uint64_t last = ticks();
  const double passed = static_cast<double>(duration_cast<nanoseconds>(steady_clock::now() - begin).count());
  return {first, passed / static_cast<double>(std::max<std::uint64_t>(last - first, 1))};
}

std::unique_ptr<Collector> Collector::open(const std::string& recording, const Plan& plan,
                                           const Clock& clock) {
  const int file = ::open(recording.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  struct stat facts {};
  const bool whole =
      ::fstat(file, &facts) == 0 && facts.st_size == static_cast<off_t>(RecordingHead::file_bytes);
  void* const place =
      whole ? ::mmap(nullptr, RecordingHead::file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
            : MAP_FAILED;
  ::close(file);
  if (place == MAP_FAILED) return nullptr;
  auto* const head = static_cast<RecordingHead*>(place);
  if (head->magic.get() != RecordingHead::right_magic) {
    ::munmap(place, RecordingHead::file_bytes);
    return nullptr;
  }
  ::unlink(recording.c_str());
  return std::unique_ptr<Collector>{new Collector{*head, plan, clock}};
}

Collector::Collector(RecordingHead& head, const Plan& plan, const Clock& clock)
    : head_{head},
      clock_{clock},
      plan_{plan},
      path_{plan.path},
      columns_{plan.columns},
      stacks_(plan.columns.stacks ? (1 << 20) + 1 : 1),
      modules_{modules_in({head.maps(), head.maps_bytes})} {
  if (plan_.command.empty() && !modules_.empty()) plan_.command = {modules_.front().path};
  begin_track(0);
  head_.reader.store(own_number_for(head_.pid), std::memory_order_relaxed);
}

Collector::~Collector() { ::munmap(&head_, RecordingHead::file_bytes); }

bool Collector::take(std::uint64_t number, Taken& taken) const {
  return head_.record(number).read(number, taken);
}

std::uint64_t Collector::drain() {
  if (stopped_) return 0;
  const std::uint64_t begin = next_;
  while (!stopped_ && drain_batch()) {
  }
  head_.turns.consume(next_);
  if (modules_stale_) look_at_modules();
  for (Track& track : tracks_)
    if (calls_.size() - track.calls_written > 4096) write_tables(track);
  flush_what_waits();
  if (plan_.last_ns != 0 && !stopped_ && now_ns() - tracks_.back().begun_ns >= plan_.last_ns) change_tracks();
  return next_ - begin;
}

// A program that allocates little would fill no block of the trace for hours.
void Collector::flush_what_waits() {
  const std::uint64_t now = now_ns();
  if (now - flushed_ns_ < longest_pending_ns) return;
  flushed_ns_ = now;
  for (Track& track : tracks_) {
    write_tables(track);
    track.writer->flush();
  }
  stop_if_full();
}

// What is known of a record's block is far away: it is sent for while others are still being read.
// Returns: whether there may be more.
bool Collector::drain_batch() {
  std::array<Taken, batch> taken;
  const std::uint64_t first = next_;
  std::uint64_t count = 0;
  for (; count != batch && take(first + count, taken[count]); ++count) live_.prefetch(taken[count].pointer());
  now_ticks_ = (ticks() >> head_.tick_bits) + most_skew;  // records hold the lower half of a time before that
  while (!stopped_ && next_ - first < count) {
    const Taken& one = taken[next_ - first];
    if (one.note() == Note::stack) {
      const std::uint64_t after = learn_stack(next_, one);
      if (after == next_) return false;
      advance(after);
      continue;
    }
    if (one.stack() != 0 && !know_stack(one)) return false;
    handle(one);
    advance(next_ + 1);
  }
  return count == batch;
}

void Collector::advance(std::uint64_t number) {
  const bool is_time = number / most_unsaid != next_ / most_unsaid;
  next_ = number;
  if (!is_time) return;
  head_.turns.consume(number);
  // A file that is cut later still has the calls of the events that are in it.
  for (Track& track : tracks_)
    if (track.writer->bytes() != track.bytes_seen) write_tables(track);
  stop_if_full();
}

void Collector::finish() {
  while (!stopped_) {
    if (drain() != 0) continue;
    if (head_.cut.load(std::memory_order_relaxed) != 0) {
      ending_ = trace::Ending::kept_up_not;
      break;
    }
    // A thread that was killed drew a number and wrote nothing under it.
    const std::uint64_t drawn = head_.turns.drawn();
    if (next_ >= drawn || next_ + RecordingHead::capacity < drawn) break;
    advance(next_ + 1);
  }
  write_tables(tracks_.front());
  tracks_.front().writer->finish(ending_);
  if (tracks_.size() == 1) return;
  tracks_.pop_back();
  ::unlink(next_path(path_).c_str());
}

void Collector::stop_if_full() {
  const trace::Writer& first = writer();
  const bool full = first.at_limit() || std::any_of(tracks_.begin(), tracks_.end(), [](const Track& track) {
                      return !track.writer->error().empty();
                    });
  if (stopped_ || !full) return;
  ending_ = first.at_limit() ? trace::Ending::size_limit : trace::Ending::disk_full;
  stopped_ = true;
  head_.stop.store(1, std::memory_order_relaxed);
}

void Collector::begin_track(std::size_t slot) {
  Track track;
  track.writer = std::make_unique<trace::Writer>(tracks_.empty() ? path_ : next_path(path_),
                                                 header_of(plan_, head_.pid), plan_.most_bytes);
  track.slot = slot;
  track.begun_ns = now_ns();
  write_tables(track);
  const auto take_over = [&](Living& block) {
    Event event;
    event.size = block.size, event.stack = block.stack, event.thread = block.thread;
    block.numbers[slot] = track.writer->append(event);
  };
  live_.for_each_value(take_over);
  for (auto& [thread, moving] : moving_) {
    if (moving.known) take_over(moving.block);
  }
  tracks_.push_back(std::move(track));
}

void Collector::change_tracks() {
  if (tracks_.size() == 1) return begin_track(1);
  tracks_.erase(tracks_.begin());
  std::rename(next_path(path_).c_str(), path_.c_str());
  begin_track(1 - tracks_.front().slot);
}

// What a thread met first is told by it; another one may use the number before that. So what is behind is looked through, and
// if it is not there yet, the event has to wait.
bool Collector::know_stack(const Taken& taken) {
  if (taken.stack() >= stacks_.size() || stacks_[taken.stack()] != 0) return true;
  look_for(taken.stack());
  if (stacks_[taken.stack()] != 0 || ++patience_ > most_looks) {
    patience_ = 0;
    return true;
  }
  return false;
}

void Collector::look_for(std::uint32_t stack) {
  const std::uint64_t drawn = head_.turns.drawn();
  Taken taken;
  for (std::uint64_t number = next_ + 1; number < drawn && number < next_ + RecordingHead::capacity;
       ++number) {
    if (!take(number, taken) || taken.note() != Note::stack || taken.a != stack) continue;
    (void)learn_stack(number, taken);
    return;
  }
}

// Returns: the number of the record behind it; its own if not all of it is there.
std::uint64_t Collector::learn_stack(std::uint64_t number, const Taken& taken) {
  const auto stack = static_cast<std::uint32_t>(taken.a);
  const std::uint64_t count = taken.b, after = number + 1 + (count + 2) / 3;
  std::vector<std::uint64_t> addresses;
  Taken part;
  for (std::uint64_t at = number + 1; at != after; ++at) {
    if (!take(at, part)) return number;
    addresses.insert(addresses.end(), {part.a, part.b, part.c});
  }
  if (stack >= stacks_.size() || stacks_[stack] != 0) return after;
  addresses.resize(static_cast<std::size_t>(count));
  drop_own_calls(addresses);
  std::uint32_t call = 0;
  for (std::size_t i = addresses.size(); i-- != 0;) {
    const std::uint64_t key = (addresses[i] * 0x9e37'79b9'7f4a'7c15) ^ (std::uint64_t{call} << 32 | call);
    const auto [place, is_new] = call_numbers_.try_emplace(key, static_cast<std::uint32_t>(calls_.size()));
    if (is_new) {
      calls_.push_back({call, addresses[i]});
      modules_stale_ =
          modules_stale_ || std::none_of(modules_.begin(), modules_.end(), [&](const trace::Module& module) {
            return module.begin <= addresses[i] && addresses[i] < module.end;
          });
    }
    call = place->second;
  }
  stacks_[stack] = call;
  return after;
}

// Every stack begins with calls inside the recorder, which nobody wants to see; but one that is nothing else keeps the last.
void Collector::drop_own_calls(std::vector<std::uint64_t>& addresses) const {
  const auto is_own = [this](std::uint64_t address) {
    return std::any_of(modules_.begin(), modules_.end(), [address](const trace::Module& module) {
      return module.begin <= address && address < module.end &&
             module.path.ends_with("/libbasalt-recorded.so");
    });
  };
  auto first = addresses.begin();
  while (addresses.end() - first > 1 && is_own(*first)) ++first;
  addresses.erase(addresses.begin(), first);
}

// Addresses without a file, as a program that writes its own code has them, must not make us look for ever.
void Collector::look_at_modules() {
  modules_stale_ = false;
  for (trace::Module& module : modules_of(head_.pid)) {
    if (std::find(modules_.begin(), modules_.end(), module) == modules_.end())
      modules_.push_back(std::move(module));
  }
}

void Collector::write_tables(Track& track) {
  track.writer->add(std::span{calls_}.subspan(track.calls_written));
  track.writer->add(std::span{modules_}.subspan(track.modules_written));
  track.calls_written = calls_.size();
  track.modules_written = modules_.size();
  track.bytes_seen = track.writer->bytes();
}

void Collector::append(const Event& event) {
  for (Track& track : tracks_) track.writer->append(event);
}

// Returns: the block that begins with the event; `ended` is the one that it goes on from.
Collector::Living Collector::begun(Event event, const Living* ended) {
  Living block;
  block.size = event.size, block.stack = event.stack, block.thread = event.thread;
  for (Track& track : tracks_) {
    if (ended != nullptr) event.ended = ended->numbers[track.slot];
    block.numbers[track.slot] = track.writer->append(event, ended == nullptr ? 0 : ended->size);
  }
  return block;
}

void Collector::ended(Event event, const Living& block) {
  for (Track& track : tracks_) {
    event.ended = block.numbers[track.slot];
    track.writer->append(event, block.size);
  }
}

Event Collector::event_of(const Taken& taken, Op op) const {
  Event event;
  event.op = op;
  event.thread = taken.thread() - 1;
  event.pointer = columns_.pointers ? taken.pointer() : 0;
  event.size = trace::begins_block(op) ? taken.size() : 0;
  if (op == Op::allocate_aligned) event.alignment_log2 = taken.alignment_log2();
  if (taken.stack() < stacks_.size()) event.stack = stacks_[taken.stack()];
  if (!columns_.times) return event;
  const std::uint64_t now =
      now_ticks_ - static_cast<std::uint32_t>(static_cast<std::uint32_t>(now_ticks_) - taken.time());
  const std::uint64_t begin = clock_.first_tick >> head_.tick_bits;
  const double passed = now > begin ? static_cast<double>(now - begin) : 0;
  event.time =
      static_cast<std::uint64_t>(passed * clock_.ns_per_tick * static_cast<double>(1 << head_.tick_bits));
  return event;
}

void Collector::handle(const Taken& taken) {
  switch (taken.note()) {
    case Note::allocate:
      return begin_block(taken, event_of(taken, Op::allocate));
    case Note::allocate_zeroed:
      return begin_block(taken, event_of(taken, Op::allocate_zeroed));
    case Note::allocate_aligned:
      return begin_block(taken, event_of(taken, Op::allocate_aligned));
    case Note::resizing:
      return begin_resizing(taken);
    case Note::resized:
      return end_resizing(taken);
    case Note::free:
      return end_block(taken);
    case Note::thread_start:
      append(event_of(taken, Op::thread_start));
      return;
    case Note::thread_end:
      append(event_of(taken, Op::thread_end));
      return;
    case Note::stack:
    case Note::calls:
      return;  // of one whose beginning is lost
  }
}

// Where a block begins, an older one must have ended, even if nobody saw it.
void Collector::begin_block(const Taken& taken, Event event) {
  if (const auto before = live_.take(taken.pointer())) {
    Event end = event_of(taken, Op::free);
    end.stack = 0;
    ended(end, *before);
  }
  live_.put(taken.pointer(), begun(event));
}

void Collector::end_block(const Taken& taken) {
  const auto block = live_.take(taken.pointer());
  Event event = event_of(taken, block ? Op::free : Op::free_unknown);
  block ? ended(event, *block) : append(event);
}

void Collector::begin_resizing(const Taken& taken) {
  const auto block = live_.take(taken.pointer());
  moving_[taken.thread()] = {taken.pointer(), block.has_value(), block.value_or(Living{})};
}

void Collector::end_resizing(const Taken& taken) {
  const auto found = moving_.find(taken.thread());
  const Moving moving = found == moving_.end() ? Moving{} : found->second;
  if (found != moving_.end()) moving_.erase(found);
  if (taken.pointer() == 0) {
    if (moving.known) live_.put(moving.pointer, moving.block);
    return;
  }
  if (!moving.known) return begin_block(taken, event_of(taken, Op::allocate));
  live_.put(taken.pointer(), begun(event_of(taken, Op::reallocate), &moving.block));
}

}  // namespace basalt::record
