#include "support/explorer/memory.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace basalt::explorer {
namespace {

[[noreturn]] void too_many(const char* what) {
  std::fprintf(stderr, "explorer: too many %s in one execution\n", what);
  std::abort();
}

// The order that takes effect: a compare-exchange that does not write uses its failure order.
std::memory_order effective_order(const Operation& operation, const Choice& choice) {
  const bool fails = is_compare_exchange(operation.kind) && choice.position == kNoMessage;
  return fails ? operation.failure : operation.order;
}

}  // namespace

Value updated(const Operation& operation, Value old) {
  const Value x = operation.operand;
  switch (operation.kind) {
    case Kind::fetch_add:
      return (old + x) & operation.mask;
    case Kind::fetch_sub:
      return (old - x) & operation.mask;
    case Kind::fetch_or:
      return old | x;
    case Kind::fetch_and:
      return old & x;
    case Kind::fetch_xor:
      return old ^ x;
    default:
      return x;
  }
}

void Memory::reset() {
  for (std::size_t i = 0; i < count_; ++i) locations_[i].messages.clear();
  threads_ = {};
  count_ = 0;
  created_by_ = {};
  written_ = 0;
  sc_.reset();
}

LocationId Memory::create(ThreadId creator, Value initial, Show show) {
  if (count_ == kMaxLocations) too_many("atomic locations");
  const auto id = static_cast<LocationId>(count_++);
  Location& location = locations_[id];
  location.creator = creator;
  location.created_at = tick(creator)[creator];
  location.stable_key = static_cast<std::uint16_t>(creator * kMaxLocations + created_by_[creator]++);
  location.show = show;
  location.name.clear();
  location.messages.push_back({.value = initial, .written_at = written_++, .carries = {}});
  return id;
}

void Memory::fork(ThreadId child) { learn(threads_[child].now, threads_[kBody].now); }
void Memory::join(ThreadId child) { learn(threads_[kBody].now, threads_[child].now); }

const Clock& Memory::tick(ThreadId thread) {
  Clock& clock = threads_[thread].now.clock;
  ++clock[thread];
  return clock;
}

bool Memory::is_constructed_for(ThreadId thread, LocationId location) const {
  const Location& it = locations_[location];
  return threads_[thread].now.clock[it.creator] >= it.created_at;
}

bool Memory::has_news(ThreadId thread, LocationId location, Value value) const {
  const MessageId known = known_rank(thread, location);
  return std::ranges::any_of(locations_[location].messages, [&](const Message& message) {
    return message.rank > known && message.value != value;
  });
}

MessageId Memory::known_rank(ThreadId thread, LocationId location) const {
  return locations_[location].messages[threads_[thread].now.view[location]].rank;
}

// The place right after `rank` belongs to the read-modify-write that read it.
bool Memory::is_taken(const Location& location, MessageId rank) const {
  return std::ranges::any_of(location.messages, [&](const Message& message) {
    return message.follows_read && message.rank == rank + 1;
  });
}

void Memory::choices(ThreadId thread, const Operation& operation, std::uint32_t horizon,
                     std::vector<Choice>& out) const {
  if (reads(operation.kind)) return add_reads(thread, operation, horizon, out);
  if (operation.kind == Kind::store) return add_writes(thread, operation, out);
  if (operation.kind == Kind::fence) return add_choice(operation, {.thread = thread}, out);
  out.push_back({.thread = thread});
}

void Memory::add_reads(ThreadId thread, const Operation& operation, std::uint32_t horizon,
                       std::vector<Choice>& out) const {
  const Location& location = locations_[operation.location];
  const MessageId known = known_rank(thread, operation.location);
  for (std::size_t i = location.messages.size(); i-- > 0;) {
    const Message& message = location.messages[i];
    if (message.rank < known || message.written_at < horizon) continue;
    Choice choice{.thread = thread, .read = static_cast<MessageId>(i)};
    const bool differs = is_compare_exchange(operation.kind) && message.value != operation.expected;
    if (operation.kind == Kind::load || differs) {
      add_choice(operation, choice, out);
      continue;
    }
    if (operation.may_fail_spuriously) {
      choice.spurious = true;
      add_choice(operation, choice, out);
      choice.spurious = false;
    }
    if (is_taken(location, message.rank)) continue;
    choice.position = static_cast<MessageId>(message.rank + 1);
    add_choice(operation, choice, out);
  }
}

void Memory::add_writes(ThreadId thread, const Operation& operation, std::vector<Choice>& out) const {
  const Location& location = locations_[operation.location];
  for (std::size_t rank = location.messages.size(); rank > known_rank(thread, operation.location); --rank) {
    const auto position = static_cast<MessageId>(rank);
    if (is_taken(location, static_cast<MessageId>(rank - 1))) continue;
    add_choice(operation, {.thread = thread, .position = position}, out);
  }
}

void Memory::add_choice(const Operation& operation, const Choice& choice, std::vector<Choice>& out) const {
  if (sc_.admits(order_event(operation, choice))) out.push_back(choice);
}

ScEvent Memory::order_event(const Operation& operation, const Choice& choice) const {
  const Thread& thread = threads_[choice.thread];
  const std::memory_order order = effective_order(operation, choice);
  ScEvent event{.thread = choice.thread,
                .is_seq_cst = order == std::memory_order_seq_cst,
                .is_fence = operation.kind == Kind::fence,
                .writes = choice.position != kNoMessage,
                .location = operation.location,
                .before = thread.now.clock};
  Knowledge after = thread.now;
  if (event.is_fence) {
    if (acquires(order)) learn(after, thread.pending);
    event.frontier = after.view;
  } else if (event.writes) {
    event.place = 2 * choice.position + 1;
  } else {
    event.place = place(operation.location, choice.read);
  }
  if (choice.read != kNoMessage && acquires(order)) {
    learn(after, locations_[operation.location].messages[choice.read].carries);
  }
  event.after = after.clock;
  ++event.after[choice.thread];
  return event;
}

Event Memory::perform(const Operation& operation, const Choice& choice) {
  Event event{.thread = choice.thread, .operation = operation, .order = effective_order(operation, choice)};
  Thread& thread = threads_[choice.thread];
  ScEvent order = order_event(operation, choice);
  tick(choice.thread);
  Location& location = locations_[operation.location];
  if (operation.kind == Kind::fence) fence(thread, event.order);
  if (choice.read != kNoMessage) {
    event.did_read = true;
    event.read = location.messages[choice.read].value;
    event.stale = location.messages[choice.read].rank + 1U < location.messages.size();
    order.message = choice.read;
    read(thread, operation.location, choice.read, event.order);
  }
  if (choice.position != kNoMessage) {
    event.did_write = true;
    event.written = updated(operation, event.read);
    event.stale = choice.position < location.messages.size();
    order.message = static_cast<MessageId>(location.messages.size());
    write(choice.thread, operation, choice, event.written);
  }
  sc_.add(order);
  return event;
}

void Memory::read(Thread& thread, LocationId location, MessageId id, std::memory_order order) {
  const Message& message = locations_[location].messages[id];
  thread.now.view[location] = id;
  learn(thread.pending, message.carries);
  if (acquires(order)) learn(thread.now, message.carries);
}

void Memory::write(ThreadId writer, const Operation& operation, const Choice& choice, Value value) {
  Thread& thread = threads_[writer];
  Location& location = locations_[operation.location];
  const auto id = static_cast<MessageId>(location.messages.size());
  if (id + 1U >= kMaxMessages) too_many("writes to one location");
  for (Message& message : location.messages) {
    if (message.rank >= choice.position) ++message.rank;
  }
  location.messages.push_back({.value = value,
                               .rank = choice.position,
                               .follows_read = choice.read != kNoMessage,
                               .written_at = written_++,
                               .carries = releases(operation.order) ? thread.now : thread.released});
  thread.now.view[operation.location] = id;
  Message& written = location.messages.back();
  written.carries.view[operation.location] = id;
  // A read-modify-write continues the release sequence of what it read.
  if (choice.read != kNoMessage) learn(written.carries, location.messages[choice.read].carries);
}

void Memory::fence(Thread& thread, std::memory_order order) {
  if (acquires(order)) learn(thread.now, thread.pending);
  if (releases(order)) thread.released = thread.now;
}

void Memory::learn(Knowledge& to, const Knowledge& from) const {
  for (std::size_t i = 0; i < kMaxThreads; ++i) to.clock[i] = std::max(to.clock[i], from.clock[i]);
  for (std::size_t i = 0; i < count_; ++i) {
    if (to.view[i] == from.view[i]) continue;
    const auto& messages = locations_[i].messages;
    if (messages[from.view[i]].rank > messages[to.view[i]].rank) to.view[i] = from.view[i];
  }
}

}  // namespace basalt::explorer
