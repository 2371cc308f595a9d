#include "support/explorer/execution.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "support/explorer/explorer.hpp"
#include "support/explorer/trace.hpp"

namespace basalt::explorer {
namespace {

constexpr std::size_t kStackBytes = 256U << 10;

Execution* current_execution = nullptr;

}  // namespace

Execution& Execution::current() {
  if (current_execution == nullptr) {
    std::fputs("explorer: a modelled atomic was used outside explore()\n", stderr);
    std::abort();
  }
  return *current_execution;
}

void require(bool condition, const char* text) {
  if (!condition) Execution::current().fail(text);
}

Execution::Execution() : arena_(new std::byte[kArenaBytes]) {
  for (Thread& thread : threads_) thread.fiber = std::make_unique<Fiber>(kStackBytes);
}

Execution::End Execution::execute(const Options& options, const std::function<void(Execution&)>& body,
                                  Strategy& strategy) {
  options_ = &options;
  body_ = &body;
  strategy_ = &strategy;
  memory_.reset();
  events_.clear();
  failure_.clear();
  arena_used_ = 0;
  count_ = 1;
  running_ = kBody;
  concurrent_ = false;
  for (Thread& thread : threads_) {
    thread.status = Status::absent;
    thread.operations = thread.spurious_failures = 0;
    thread.turn.clear();
    thread.last_turn.clear();
  }
  threads_[kBody].fiber->prepare(&Execution::enter_body, this);
  current_execution = this;
  Fiber::switch_to(host_, *threads_[kBody].fiber);
  current_execution = nullptr;
  return end_;
}

void Execution::enter_body(void* run) {
  Execution& self = *static_cast<Execution*>(run);
  (*self.body_)(self);
  self.abandon(End::complete);
}

void Execution::enter_thread(void* run) {
  Execution& self = *static_cast<Execution*>(run);
  self.run_body_thread(self.running_);
}

void Execution::abandon(End end) {
  end_ = end;
  Fiber::switch_to(*threads_[running_].fiber, host_);
  std::abort();
}

// Whoever fails with a composed sentence writes it to failure_ first, so that no temporary string is alive on
// the abandoned stack.
void Execution::fail(const char* text) {
  if (text != nullptr) failure_ = text;
  abandon(End::failed);
}

void Execution::switch_to(ThreadId thread) {
  const ThreadId from = running_;
  running_ = thread;
  if (from != thread) Fiber::switch_to(*threads_[from].fiber, *threads_[thread].fiber);
}

// Threads.

void Execution::add_thread(std::function<void()> body) {
  Thread& thread = threads_[count_++];
  thread.body = std::move(body);
  thread.status = Status::starting;
}

// Every thread runs up to its first operation; from then on the next operation of each is known.
void Execution::run_threads() {
  concurrent_ = true;
  for (ThreadId thread = 1; thread < count_; ++thread) {
    memory_.fork(thread);
    threads_[thread].fiber->prepare(&Execution::enter_thread, this);
    switch_to(thread);
  }
  dispatch();
  concurrent_ = false;
  for (ThreadId thread = 1; thread < count_; ++thread) memory_.join(thread);
}

void Execution::run_body_thread(ThreadId thread) {
  threads_[thread].body();
  const bool started = threads_[thread].status != Status::starting;
  threads_[thread].status = Status::done;
  if (started) dispatch();
  switch_to(kBody);
  std::abort();
}

bool Execution::is_live(ThreadId thread) const {
  return threads_[thread].status == Status::ready || threads_[thread].status == Status::parked;
}

bool Execution::is_enabled(ThreadId thread) const {
  const Status status = threads_[thread].status;
  return status == Status::ready || (status == Status::parked && sees_news(thread));
}

// Lets the strategy choose, and resumes the chosen thread. Returns when the caller's thread was chosen; in
// the body, when all threads are done.
void Execution::dispatch() {
  bool live = false;
  bool enabled = false;
  for (ThreadId thread = 1; thread < count_; ++thread) {
    live = live || is_live(thread);
    enabled = enabled || is_enabled(thread);
  }
  if (!live) return switch_to(kBody);
  if (!enabled) report_stuck();
  if (!strategy_->choose(*this, choice_)) abandon(End::redundant);
  switch_to(choice_.thread);
}

void Execution::report_stuck() {
  failure_ = "deadlock:";
  for (ThreadId thread = 1; thread < count_; ++thread) {
    if (!is_live(thread)) continue;
    failure_ += " T" + std::to_string(thread) + " waits at " + show_site(threads_[thread].next.site) + ",";
  }
  failure_ += " and nobody is left to write";
  fail();
}

// Operations.

LocationId Execution::create(Value initial, Show show) { return memory_.create(running_, initial, show); }

void Execution::require_constructed(LocationId location) {
  if (memory_.is_constructed_for(running_, location)) return;
  failure_ = "data race: T" + std::to_string(running_) + " uses " + show_location(memory_, location) +
             ", whose construction does not happen before";
  fail();
}

Event Execution::perform(Operation operation) {
  operation.order = weakened(operation, operation.order, false);
  if (is_compare_exchange(operation.kind)) operation.failure = weakened(operation, operation.failure, true);
  if (operation.kind != Kind::fence) require_constructed(operation.location);
  if (events_.size() >= options_->max_operations) fail("no progress: the limit of operations is reached");
  Thread& thread = threads_[running_];
  operation.may_fail_spuriously = operation.kind == Kind::compare_exchange_weak && concurrent_ &&
                                  thread.spurious_failures < options_->spurious_failures;
  if (!concurrent_) return perform_alone(operation);
  thread.next = operation;
  const bool starts = thread.status == Status::starting;
  thread.status = Status::ready;
  if (starts)
    switch_to(kBody);
  else
    dispatch();
  const Event event = memory_.perform(operation, choice_);
  ++thread.operations;
  thread.spurious_failures += choice_.spurious ? 1 : 0;
  thread.turn.push_back({operation.kind, operation.location, event.read, event.written, choice_.spurious});
  events_.push_back(event);
  return event;
}

// Before the threads start and after they end, memory has one answer to everything.
Event Execution::perform_alone(const Operation& operation) {
  std::vector<Choice> choices;
  memory_.choices(kBody, operation, 0, choices);
  const Event event = memory_.perform(operation, choices.front());
  events_.push_back(event);
  return event;
}

// A turn of a waiting loop that saw what the turn before it saw has changed nothing. If there was something
// new to see, the execution in which it is seen is explored anyway, and this one is redundant; if not, the
// thread is parked until another one writes.
void Execution::pause(Site site) {
  if (!concurrent_) return;
  Thread& thread = threads_[running_];
  const bool idle = thread.turn == thread.last_turn && !std::ranges::any_of(thread.turn, &Glance::spurious);
  thread.last_turn.swap(thread.turn);
  thread.turn.clear();
  if (!idle || thread.last_turn.empty()) return;
  if (sees_news(running_)) abandon(End::redundant);
  thread.next = {.kind = Kind::pause, .site = site};
  thread.status = Status::parked;
  dispatch();
  thread.status = Status::ready;
  events_.push_back({.thread = running_, .operation = thread.next});
}

bool Execution::sees_news(ThreadId thread) const {
  for (const Glance& glance : threads_[thread].last_turn) {
    if (reads(glance.kind) && memory_.has_news(thread, glance.location, glance.read)) return true;
  }
  return false;
}

void Execution::plain_access(PlainHistory& history, Kind kind, Site site) {
  const Clock& known = memory_.tick(running_);
  events_.push_back({.thread = running_, .operation = {.kind = kind, .site = site}});
  for (ThreadId other = 0; other < count_; ++other) {
    const bool races_write = history.writes[other] > known[other];
    const bool races_read = kind == Kind::plain_write && history.reads[other] > known[other];
    if (!races_write && !races_read) continue;
    failure_ = "data race: T" + std::to_string(running_) + " at " + show_site(site) + " against T" +
               std::to_string(other) + ", and nothing orders the two";
    fail();
  }
  (kind == Kind::plain_write ? history.writes : history.reads)[running_] = known[running_];
}

std::memory_order Execution::weakened(const Operation& operation, std::memory_order order,
                                      bool failure) const {
  for (const Weakening& it : options_->weakenings) {
    const bool same_place =
        it.site.line == operation.site.line && it.site.file == std::string_view(operation.site.file);
    if (same_place && it.kind == operation.kind && it.of_failure == failure && it.from == order) return it.to;
  }
  return order;
}

void* Execution::allocate(std::size_t bytes, std::size_t alignment) {
  arena_used_ = (arena_used_ + alignment - 1) & ~(alignment - 1);
  if (arena_used_ + bytes > kArenaBytes) {
    std::fputs("explorer: Execution::make has 256 KiB per execution\n", stderr);
    std::abort();
  }
  void* block = arena_.get() + arena_used_;
  arena_used_ += bytes;
  return block;
}

}  // namespace basalt::explorer
