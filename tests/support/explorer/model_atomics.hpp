#pragma once

#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

#include "support/explorer/execution.hpp"

namespace basalt::explorer {

template <class T>
Value to_value(T object) {
  Value value = 0;
  std::memcpy(&value, &object, sizeof object);
  return value;
}

template <class T>
T from_value(Value value) {
  T object;
  std::memcpy(static_cast<void*>(&object), &value, sizeof object);
  return object;
}

std::string show_signed(long long value);
std::string show_unsigned(unsigned long long value);
std::string show_pointer(Value value);

template <class T>
std::string show(Value value) {
  if constexpr (std::is_pointer_v<T>) {
    return show_pointer(value);
  } else if constexpr (std::is_enum_v<T>) {
    return show<std::underlying_type_t<T>>(value);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    return show_signed(from_value<T>(value));
  } else {
    return show_unsigned(value);
  }
}

/// std::atomic<T> as the explorer sees it: the object is only a name, its values are messages of the model.
template <class T>
class ModelAtomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(Value));
  using Order = std::memory_order;

 public:
  using value_type = T;

  ModelAtomic() : ModelAtomic(T{}) {}
  ModelAtomic(T initial)
      : id_(Execution::current().create(to_value(initial), &show<T>)) {
  }  // NOLINT(google-explicit-constructor): as std::atomic
  ModelAtomic(const ModelAtomic&) = delete;
  ModelAtomic& operator=(const ModelAtomic&) = delete;

  T load(Order order, Site site = Site::here()) const {
    return from_value<T>(perform(Kind::load, 0, order, site).read);
  }
  void store(T value, Order order, Site site = Site::here()) {
    perform(Kind::store, to_value(value), order, site);
  }

  T exchange(T value, Order order, Site site = Site::here()) {
    return update(Kind::exchange, value, order, site);
  }
  T fetch_add(T value, Order order, Site site = Site::here()) {
    return count(Kind::fetch_add, value, order, site);
  }
  T fetch_sub(T value, Order order, Site site = Site::here()) {
    return count(Kind::fetch_sub, value, order, site);
  }
  T fetch_or(T value, Order order, Site site = Site::here()) {
    return count(Kind::fetch_or, value, order, site);
  }
  T fetch_and(T value, Order order, Site site = Site::here()) {
    return count(Kind::fetch_and, value, order, site);
  }
  T fetch_xor(T value, Order order, Site site = Site::here()) {
    return count(Kind::fetch_xor, value, order, site);
  }

  bool compare_exchange_strong(T& expected, T desired, Order success, Order failure,
                               Site site = Site::here()) {
    return compare_exchange(Kind::compare_exchange_strong, expected, desired, success, failure, site);
  }
  bool compare_exchange_strong(T& expected, T desired, Order order, Site site = Site::here()) {
    return compare_exchange_strong(expected, desired, order, failure_of(order), site);
  }
  bool compare_exchange_weak(T& expected, T desired, Order success, Order failure, Site site = Site::here()) {
    return compare_exchange(Kind::compare_exchange_weak, expected, desired, success, failure, site);
  }
  bool compare_exchange_weak(T& expected, T desired, Order order, Site site = Site::here()) {
    return compare_exchange_weak(expected, desired, order, failure_of(order), site);
  }

  /// Returns: what the traces call it.
  [[nodiscard]] LocationId id() const { return id_; }

 private:
  static constexpr Value mask() { return sizeof(T) == 8 ? ~Value{0} : (Value{1} << (8 * sizeof(T))) - 1; }

  static constexpr Order failure_of(Order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    if (order == std::memory_order_release) return std::memory_order_relaxed;
    return order;
  }

  Event perform(Kind kind, Value operand, Order order, Site site) const {
    return Execution::current().perform(
        {.kind = kind, .location = id_, .order = order, .operand = operand, .mask = mask(), .site = site});
  }

  T update(Kind kind, T value, Order order, Site site) {
    return from_value<T>(perform(kind, to_value(value), order, site).read);
  }

  T count(Kind kind, T value, Order order, Site site) {
    static_assert(std::is_integral_v<T>, "only integers can be counted with");
    return update(kind, value, order, site);
  }

  bool compare_exchange(Kind kind, T& expected, T desired, Order success, Order failure, Site site) {
    const Event event = Execution::current().perform({.kind = kind,
                                                      .location = id_,
                                                      .order = success,
                                                      .failure = failure,
                                                      .operand = to_value(desired),
                                                      .expected = to_value(expected),
                                                      .mask = mask(),
                                                      .site = site});
    if (!event.did_write) expected = from_value<T>(event.read);
    return event.did_write;
  }

  LocationId id_;
};

/// The twin of basalt::StdAtomics for tests.
struct ModelAtomics {
  template <class T>
  using Atomic = ModelAtomic<T>;

  static void fence(std::memory_order order, Site site = Site::here()) {
    Execution::current().perform({.kind = Kind::fence, .order = order, .site = site});
  }
  static void pause(Site site = Site::here()) { Execution::current().pause(site); }
};

/// Effects: calls the location `text` in traces. `text` must outlive the execution.
template <class T>
void name(const ModelAtomic<T>& atomic, const char* text) {
  Execution::current().name(atomic.id(), text);
}

/// Shared data that is not atomic. Two unordered accesses, one of them a write, fail the exploration.
template <class T>
class Plain {
 public:
  Plain() : Plain(T{}) {}
  explicit Plain(T value, Site site = Site::here()) : value_(value) {
    Execution::current().plain_access(history_, Kind::plain_write, site);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  [[nodiscard]] T get(Site site = Site::here()) const {
    Execution::current().plain_access(history_, Kind::plain_read, site);
    return value_;
  }
  void set(T value, Site site = Site::here()) {
    Execution::current().plain_access(history_, Kind::plain_write, site);
    value_ = value;
  }

 private:
  mutable PlainHistory history_;
  T value_;
};

/// The same, written and read like the variable for which it stands in.
template <class T>
class PlainField : Plain<T> {
 public:
  PlainField() = default;
  PlainField(T value, Site site = Site::here())
      : Plain<T>(value, site) {}  // NOLINT(google-explicit-constructor): as a T

  operator T() const { return this->get(); }  // NOLINT(google-explicit-constructor): as a T
  PlainField& operator=(T value) {
    this->set(value);
    return *this;
  }
};

}  // namespace basalt::explorer
