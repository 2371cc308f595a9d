#include "options.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace basalt::tool {

Option& Option::takes(const char* what) { return option_->type_name(what), *this; }
Option& Option::required() { return option_->required(), *this; }
Option& Option::shows_default() { return option_->capture_default_str(), *this; }
Option& Option::repeats() { return option_->take_all(), *this; }
Option& Option::separated_by(char sign) { return option_->delimiter(sign), *this; }
Option& Option::hidden() { return option_->group(""), *this; }
Option& Option::one_of(std::initializer_list<const char*> words) {
  return option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end()))), *this;
}
Option& Option::between(double least, double most) { return option_->check(CLI::Range(least, most)), *this; }

namespace {

// The library would take it for what is left when it is taken from a power of two.
[[nodiscard]] std::string not_negative(const std::string& text) {
  return text.starts_with('-') ? text + " is less than nothing" : "";
}

}  // namespace

template <class Value>
Option Options::add_option(const std::string& names, Value& value, const std::string& meaning) {
  CLI::Option& option = *page_->add_option(names, value, meaning);
  if constexpr (std::is_unsigned_v<Value>) option.check(not_negative);
  return Option{option};
}
Option Options::add_flag(const std::string& names, bool& value, const std::string& meaning) {
  return Option{*page_->add_flag(names, value, meaning)};
}

template Option Options::add_option(const std::string&, std::string&, const std::string&);
template Option Options::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Options::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option Options::add_option(const std::string&, unsigned&, const std::string&);
template Option Options::add_option(const std::string&, int&, const std::string&);
template Option Options::add_option(const std::string&, double&, const std::string&);

}  // namespace basalt::tool
