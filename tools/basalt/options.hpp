// What a command's options are, said without the library that reads them: it takes seconds to compile wherever it is included.
#pragma once

#include <initializer_list>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace basalt::tool {

// One option, or one argument that has no name; its terms can be said in a row.
class Option {
 public:
  explicit Option(CLI::Option& option) noexcept : option_{&option} {}

  Option& takes(const char* what);  // a word for its value in the help
  Option& required();
  Option& shows_default();
  Option& repeats();                // each time it is given counts
  Option& separated_by(char sign);  // several values in one word
  Option& hidden();
  Option& one_of(std::initializer_list<const char*> words);
  Option& between(double least, double most);

 private:
  CLI::Option* option_;
};

// The options of one command. What they are given is in the variables when the command runs.
class Options {
 public:
  explicit Options(CLI::App& page) noexcept : page_{&page} {}

  // `names` as in "-o,--output"; one in capitals has no name on the command line. `Value` is a string, several, a number, or one
  // that may be missing: options.cpp has the list.
  template <class Value>
  Option add_option(const std::string& names, Value& value, const std::string& meaning);
  Option add_flag(const std::string& names, bool& value, const std::string& meaning);

 private:
  CLI::App* page_;
};

}  // namespace basalt::tool
