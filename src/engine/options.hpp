// The options: one table, from which they are parsed, set and printed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "../base/bits.hpp"
#include "../base/text.hpp"
#include "../guard/sampling.hpp"
#include "policy.hpp"

namespace basalt::engine {

// size      bytes, as a number that may end in K, M or G; `none` where there may be no limit
// percent   0 to 100
// choice    one of several words
// sampling  `off`, `on`, one of how many, or that and a number of slots: 1000:64
// file      a file's name
enum class OptionKind : unsigned char { size, percent, choice, sampling, file };

inline constexpr unsigned profiles = 3;  // small, balanced, throughput

// The texts lie in the row: so there is nothing in the table that the dynamic linker would have to relocate.
struct Option {
  char name[16];  // in the environment in capitals, after BASALT_
  OptionKind kind;
  std::atomic<std::size_t> Policy::*
      setting;  // nullptr: the environment is asked when it matters, and nobody else
  std::size_t defaults[profiles];
  std::size_t least;
  std::size_t most;
  char words[32];  // of a choice: its values from 0 on, separated by |; elsewhere what stands for its value
  char meaning[144];
};

// clang-format off
inline constexpr Option options[] = {
    {"profile", OptionKind::choice, &Policy::profile, {0, 1, 2}, 0, 2, "small|balanced|throughput",
     "which of these columns the defaults are from; balanced unless another is chosen"},
    {"cache", OptionKind::size, &Policy::cache, {16 * KiB, 64 * KiB, 256 * KiB},
     Policy::least_cache, Policy::most_cache, "",
     "what a thread keeps free of each size of block, and gives away without a lock"},
    {"keep", OptionKind::size, &Policy::keep, {4 * MiB, 32 * MiB, 128 * MiB}, 0, max_request, "",
     "free memory that keeps its pages before some goes back to the system"},
    {"keep_percent", OptionKind::percent, &Policy::keep_percent, {5, 12, 25}, 0, 100, "",
     "the same as a share of the memory in use; the greater of the two counts"},
    {"huge_pages", OptionKind::size, &Policy::huge_pages, {unlimited, 256 * MiB, 32 * MiB}, 0, unlimited, "",
     "memory in use from which on more of it comes in huge pages"},
    {"soft_limit", OptionKind::size, &Policy::soft_limit, {unlimited, unlimited, unlimited}, MiB, unlimited, "",
     "memory for blocks above which all but 1M of what is free goes back at once"},
    {"hard_limit", OptionKind::size, &Policy::hard_limit, {unlimited, unlimited, unlimited}, MiB, unlimited, "",
     "memory for blocks above which there is none: malloc gives NULL and ENOMEM"},
    {"container", OptionKind::choice, &Policy::container, {1, 1, 1}, 0, 1, "off|on",
     "whether 7/8 of the control group's limit is a soft limit, and threads above 8 for each processor keep less"},
    {"guard", OptionKind::sampling, &Policy::guard, {0, 0, 0}, 0, SIZE_MAX, "",
     "one request in N, on average, is put between guard pages, if one of so many SLOTS is free; on is 10000:64, as in the hardened library"},
    {"foreign", OptionKind::choice, nullptr, {}, 0, 1, "abort|leak",
     "what comes of a pointer that was not allocated here; leak where libbasalt.so is preloaded, else abort"},
    {"stats", OptionKind::file, nullptr, {}, 0, 0, "FILE",
     "where a line of JSON is appended when the process ends"},
    {"help", OptionKind::choice, nullptr, {}, 0, 1, "0|1",
     "whether this table is printed when the process begins"},
};
// clang-format on

static_assert(sizeof options / sizeof options[0] <= 12, "a dozen that are understood serve better than more");

[[nodiscard]] constexpr char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// Returns: the length of `word` if `text` begins with it, whatever the case of its letters, and then goes on with one of
// `ends` or is over; else 0. A word may be ended by | as well.
[[nodiscard]] constexpr std::size_t match(const char* text, const char* word, const char* ends) noexcept {
  std::size_t n = 0;
  while (word[n] != '\0' && word[n] != '|' && lower(text[n]) == lower(word[n])) ++n;
  if (word[n] != '\0' && word[n] != '|') return 0;
  if (text[n] == '\0') return n;
  for (; *ends != '\0'; ++ends) {
    if (text[n] == *ends) return n;
  }
  return 0;
}

// Returns: the option of which `text` is the name, or nullptr. `text` may go on with one of `ends`.
[[nodiscard]] constexpr const Option* find_option(const char* text, const char* ends = "") noexcept {
  for (const Option& option : options) {
    if (match(text, option.name, ends) != 0) return &option;
  }
  return nullptr;
}

struct Parsed {
  bool ok = false;
  std::size_t value = 0;
};

[[nodiscard]] constexpr Parsed parse_number(const char* text, OptionKind kind) noexcept {
  if (*text < '0' || *text > '9') return {};
  std::size_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    const std::size_t tens = multiply_saturating(value, 10);
    value = add_saturating(tens, static_cast<std::size_t>(*text - '0'));
    if (value == SIZE_MAX) return {};
  }
  if (kind == OptionKind::size && *text != '\0') {
    const char unit = lower(*text++);
    const std::size_t factor = unit == 'k' ? KiB : unit == 'm' ? MiB : unit == 'g' ? GiB : 0;
    value = multiply_saturating(value, factor);
    if (factor == 0 || value == SIZE_MAX) return {};
  }
  return {*text == '\0', value};
}

[[nodiscard]] constexpr Parsed parse_choice(const char* words, const char* text) noexcept {
  std::size_t index = 0;
  for (const char* word = words; *word != '\0'; ++word) {
    if ((word == words || word[-1] == '|') && match(text, word, "") != 0) return {true, index};
    if (*word == '|') ++index;
  }
  return {};
}

// Returns: a guard::Sampling as a word.
[[nodiscard]] constexpr Parsed parse_sampling(const char* text) noexcept {
  guard::Sampling sampling;
  if (match(text, "off", "") != 0) return {true, guard::Sampling::off};
  if (match(text, "on", "") != 0) {
    sampling.rate = guard::Sampling::usual_rate;
    return {true, sampling.word()};
  }
  const auto take_number = [&text](std::uint32_t& number) {
    if (*text < '0' || *text > '9') return false;
    std::uint64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value <= guard::Sampling::most_rate; ++text)
      value = value * 10 + static_cast<std::uint64_t>(*text - '0');
    number = value <= guard::Sampling::most_rate ? static_cast<std::uint32_t>(value) : 0;
    return number != 0;
  };
  bool ok = take_number(sampling.rate);
  if (ok && *text == ':') ok = take_number((++text, sampling.slots));
  return {ok && *text == '\0' && sampling.valid(), sampling.word()};
}

// Returns: what `text` means for this option, if it may have that value.
[[nodiscard]] constexpr Parsed parse(const Option& option, const char* text) noexcept {
  Parsed parsed;
  if (option.kind == OptionKind::file) {
    parsed = {*text != '\0', 0};
  } else if (option.kind == OptionKind::choice) {
    parsed = parse_choice(option.words, text);
  } else if (option.kind == OptionKind::sampling) {
    parsed = parse_sampling(text);
  } else if (option.most == unlimited && match(text, "none", "") != 0) {
    parsed = {true, unlimited};
  } else {
    parsed = parse_number(text, option.kind);
  }
  parsed.ok = parsed.ok && parsed.value >= option.least && parsed.value <= option.most;
  return parsed;
}

// Returns: whether the profiles differ in it.
[[nodiscard]] constexpr bool profiled(const Option& option) noexcept {
  return option.setting != nullptr && option.defaults[0] != option.defaults[profiles - 1];
}

// Effects: the option has this value; a profile gives those of all others that it has a say in.
// Requires: the option has a setting.
inline void apply(Policy& policy, const Option& option, std::size_t value) noexcept {
  (policy.*option.setting).store(value, std::memory_order_relaxed);
  if (option.setting != &Policy::profile) return;
  for (const Option& other : options) {
    if (&other != &option && profiled(other)) apply(policy, other, other.defaults[value]);
  }
}

[[nodiscard]] inline std::size_t value_of(const Policy& policy, const Option& option) noexcept {
  return (policy.*option.setting).load(std::memory_order_relaxed);
}

// Effects: writes word number `index` of those that | separates.
template <class Out>
void write_word(Out& out, const char* words, std::size_t index) noexcept {
  for (; index != 0; ++words) index -= *words == '|' ? 1 : 0;
  for (; *words != '\0' && *words != '|'; ++words) {
    const char letter[2] = {*words, '\0'};
    out << letter;
  }
}

// Effects: writes a value as one would type it.
template <class Out>
void write_value(Out& out, const Option& option, std::size_t value) noexcept {
  if (option.kind == OptionKind::choice) {
    write_word(out, option.words, value);
  } else if (option.kind == OptionKind::sampling) {
    const guard::Sampling sampling = guard::Sampling::from(value);
    if (sampling.rate == 0) {
      out << "off";
    } else {
      out << std::size_t{sampling.rate} << ":" << std::size_t{sampling.slots};
    }
  } else if (value == unlimited) {
    out << "none";
  } else if (value == 0 || option.kind == OptionKind::percent || value % KiB != 0) {
    out << value;
  } else {
    const bool gigas = value % GiB == 0;
    const bool megas = value % MiB == 0;
    out << value / (gigas ? GiB : megas ? MiB : KiB) << (gigas ? "G" : megas ? "M" : "K");
  }
}

// Effects: says what kind of value the option takes.
template <class Out>
void write_form(Out& out, const Option& option) noexcept {
  if (option.kind == OptionKind::file) {
    out << option.words;
  } else if (option.kind == OptionKind::choice) {
    for (std::size_t index = 0; index <= option.most; ++index) {
      out << (index == 0 ? "" : index == option.most ? " or " : ", ");
      write_word(out, option.words, index);
    }
  } else if (option.kind == OptionKind::sampling) {
    out << "off, on, N or N:SLOTS";
  } else if (option.most == unlimited || option.most == max_request) {
    write_value(out, option, option.least);
    out << (option.most == unlimited ? " and more, or none" : " and more");
  } else {
    write_value(out, option, option.least);
    out << " to ";
    write_value(out, option, option.most);
  }
}

// Returns: what is wrong with `text` as a value for the option, in one sentence; at a length of the text that leaves room for
// the rest.
[[nodiscard]] inline Text refusal(const Option& option, const char* text) noexcept {
  constexpr std::size_t shown = 64;
  char beginning[shown + 1] = {};
  for (std::size_t i = 0; i < shown && text[i] != '\0'; ++i) {
    beginning[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
  }
  Text sentence;
  sentence << "basalt: the option " << option.name << " cannot be \"" << beginning << "\": it takes ";
  write_form(sentence, option);
  return sentence << "; it stays as it is";
}

// Effects: writes the row of an option: its name, what it takes, its default in each profile, what it means.
template <class Out>
void write_row(Out& out, const Option& option) noexcept {
  out << "| " << option.name << " | ";
  write_form(out, option);
  for (const std::size_t value : option.defaults) {
    out << " | ";
    if (option.setting != nullptr) write_value(out, option, value);
  }
  out << " | " << option.meaning << " |\n";
}

inline constexpr char table_head[] =
    "| option | takes | small | balanced | throughput | what it means |\n"
    "|---|---|---|---|---|---|\n";

// Effects: writes what the options are at the moment, in one line.
template <class Out>
void write_now(Out& out, const Policy& policy) noexcept {
  const char* before = "";
  for (const Option& option : options) {
    if (option.setting == nullptr) continue;
    out << before << option.name << "=";
    write_value(out, option, value_of(policy, option));
    before = " ";
  }
  out << "\n";
}

}  // namespace basalt::engine
