#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

// The words of the model: what a thread may ask of memory, and what memory may answer.

namespace basalt::explorer {

using ThreadId = std::uint8_t;    // 0 is the body itself, 1.. are the threads it starts
using LocationId = std::uint8_t;  // in order of construction
using MessageId = std::uint8_t;   // within its location, in order of execution (not of modification)
using Value = std::uint64_t;      // the bytes of a T, zero-extended
using Show = std::string (*)(Value);

inline constexpr std::size_t kMaxThreads = 5;  // the body and four more
inline constexpr std::size_t kMaxLocations = 64;
inline constexpr std::size_t kMaxMessages = 255;  // per location
inline constexpr MessageId kNoMessage = 255;
inline constexpr ThreadId kBody = 0;

/// Where in the source an operation stands. A default argument of every operation.
struct Site {
  const char* file = "";
  unsigned line = 0;

  static constexpr Site here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

enum class Kind : std::uint8_t {
  load,
  store,
  exchange,
  fetch_add,
  fetch_sub,
  fetch_or,
  fetch_and,
  fetch_xor,
  compare_exchange_strong,
  compare_exchange_weak,
  fence,
  pause,        // only posted by a thread that has nothing left to do until another one writes
  plain_read,   // recorded for the trace; never scheduled
  plain_write,  // likewise
};

constexpr bool is_compare_exchange(Kind kind) {
  return kind == Kind::compare_exchange_strong || kind == Kind::compare_exchange_weak;
}
constexpr bool is_update(Kind kind) { return kind >= Kind::exchange && kind <= Kind::fetch_xor; }
constexpr bool reads(Kind kind) { return kind == Kind::load || is_update(kind) || is_compare_exchange(kind); }
constexpr bool may_write(Kind kind) {
  return kind == Kind::store || is_update(kind) || is_compare_exchange(kind);
}

constexpr bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_consume ||
         order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}
constexpr bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

/// What a thread is about to do.
struct Operation {
  Kind kind{};
  LocationId location = 0;
  std::memory_order order{};    // of a compare-exchange: on success
  std::memory_order failure{};  // of a compare-exchange only
  Value operand = 0;            // stored, exchanged, added, ...
  Value expected = 0;           // of a compare-exchange only
  Value mask = ~Value{0};       // the bits that T has
  bool may_fail_spuriously = false;
  Site site;
};

/// One of the ways in which memory may let the operation happen.
struct Choice {
  ThreadId thread = kBody;
  MessageId read = kNoMessage;      // the message that is read
  MessageId position = kNoMessage;  // the rank in modification order that the written message takes
  bool spurious = false;            // a weak compare-exchange fails although it could succeed
};

/// What happened.
struct Event {
  ThreadId thread = kBody;
  Operation operation;
  std::memory_order order{};  // the order that took effect
  Value read = 0;
  Value written = 0;
  bool did_read = false;
  bool did_write = false;
  bool stale = false;  // a newer value existed, or the write went before an existing one
};

using Clock = std::array<std::uint16_t, kMaxThreads>;  // events of each thread known to have happened before
using View = std::array<MessageId, kMaxLocations>;     // per location, the latest message known

/// What a thread knows, and what a message passes on to whom it synchronizes with.
struct Knowledge {
  Clock clock{};
  View view{};
};

}  // namespace basalt::explorer
