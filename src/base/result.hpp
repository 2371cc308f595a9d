// A value or the reason why there is none. Small enough to come back in registers; nothing is thrown.
#pragma once

namespace basalt {

// An error number of the operating system (errno, always positive); 0 means that all went well.
struct Error {
  int number = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return number != 0; }
  friend bool operator==(const Error&, const Error&) = default;
};

inline constexpr Error no_error{};
inline constexpr Error out_of_memory{12};     // ENOMEM: the same number on every system we run on
inline constexpr Error address_taken{17};     // EEXIST
inline constexpr Error invalid_argument{22};  // EINVAL

template <class T>
struct Result {
  T value{};
  Error error{};

  [[nodiscard]] static Result success(T value) noexcept { return {value, no_error}; }
  [[nodiscard]] static Result failure(Error error) noexcept { return {T{}, error}; }

  [[nodiscard]] bool ok() const noexcept { return !error; }
};

}  // namespace basalt
