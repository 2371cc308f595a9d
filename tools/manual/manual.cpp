// Writes the pages of the manual: basalt(1), one for each command, and libbasalt(7) for the options of the library.
//
//   basalt-manual FOLDER
//
// Whatever a page says is said by --help too, or by BASALT_HELP=1: it is read from the same texts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "basalt/command.hpp"
#include "engine/options.hpp"
#include "roff.hpp"

namespace {

using namespace basalt::tool;
using basalt::manual::Page;

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::trunc};
  file << text;
  if (!file.flush()) throw std::runtime_error(path.string() + " cannot be written");
}

[[nodiscard]] std::string sentence(const std::string& summary) {
  return summary.ends_with('?') ? summary : summary + ".";
}

// Returns: what an option takes, in one word; empty if it takes nothing.
[[nodiscard]] std::string value_of(const CLI::Option& option) {
  if (option.get_items_expected() == 0) return "";
  std::string name = option.get_type_name();
  const std::size_t choice = name.find(":{");
  if (choice != std::string::npos) name = name.substr(choice + 1);
  return name.substr(0, name.find(':'));
}

[[nodiscard]] std::string names_of(const CLI::Option& option) {
  std::string names = option.get_name(false, true);
  if (const std::size_t comma = names.find(','); comma != std::string::npos) names.insert(comma + 1, " ");
  return names;
}

[[nodiscard]] std::string meaning_of(const CLI::Option& option) {
  const std::string usual = option.get_default_str();
  return option.get_description() + (usual.empty() || value_of(option).empty() ? "" : " [" + usual + "]");
}

void add_options(Page& page, const CLI::App& command) {
  page.section("OPTIONS");
  for (const CLI::Option* const option : command.get_options()) {
    if (option->get_positional()) {
      page.item({{option->get_name(true), Page::Face::variable}}, meaning_of(*option));
    } else {
      page.item({{names_of(*option), Page::Face::strong}, {value_of(*option), Page::Face::variable}},
                meaning_of(*option));
    }
  }
}

[[nodiscard]] std::string arguments_of(const CLI::App& command) {
  std::string all;
  for (const CLI::Option* const option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_name(true);
    all += name == "PROGRAM" ? " -- PROGRAM [ARGUMENT...]" : " " + name;
  }
  return all;
}

void add_exits(Page& page) {
  page.section("EXIT STATUS");
  for (const Exit& exit : exits()) page.item({{exit.status, Page::Face::strong}}, exit.meaning);
}

void add_environment(Page& page) {
  page.section("ENVIRONMENT");
  page.item({{"NO_COLOR", Page::Face::strong}}, "If it is set, and not empty, nothing is coloured.");
  page.item({{"TMPDIR", Page::Face::strong}}, "Where files lie that are gone when the command ends; /tmp.");
  page.text("Options of the library: libbasalt(7).");
}

[[nodiscard]] std::string page_of(const Command& command, const CLI::App& described) {
  Page page{fmt::format("basalt-{}", command.name), 1, BASALT_VERSION};
  page.name(command.summary);
  page.section("SYNOPSIS");
  page.line({{fmt::format("basalt {}", command.name), Page::Face::strong},
             {"[OPTION...]" + arguments_of(described), Page::Face::variable}});
  page.section("DESCRIPTION");
  page.text(sentence(command.summary));
  page.text(command.about);
  add_options(page, described);
  add_exits(page);
  add_environment(page);
  page.section("EXAMPLES");
  page.sample(command.examples);
  page.section("SEE ALSO");
  page.text("basalt(1), libbasalt(7)");
  return page.roff();
}

[[nodiscard]] std::string page_of_all(const CLI::App& app) {
  Page page{"basalt", 1, BASALT_VERSION};
  page.name("run, record, replay and explain what programs do with their memory");
  page.section("SYNOPSIS");
  page.line({{"basalt", Page::Face::strong}, {"COMMAND [OPTION...] ...", Page::Face::variable}});
  page.section("DESCRIPTION");
  page.text(app.get_description());
  page.section("COMMANDS");
  std::string others;
  for (const Command& command : commands()) {
    page.item({{command.name, Page::Face::strong}}, sentence(command.summary));
    others += fmt::format("basalt-{}(1), ", command.name);
  }
  add_options(page, app);
  add_exits(page);
  add_environment(page);
  page.section("SEE ALSO");
  page.text(others + "libbasalt(7)");
  return page.roff();
}

// Collects what the library's functions write.
struct Words {
  std::string text;
  Words& operator<<(const char* more) { return text += more, *this; }
  Words& operator<<(std::size_t number) { return text += std::to_string(number), *this; }
};

[[nodiscard]] std::string defaults_of(const basalt::engine::Option& option) {
  if (option.setting == nullptr) return "";
  Words words;
  for (const std::size_t value : option.defaults) {
    words << (words.text.empty() ? "" : ", ");
    basalt::engine::write_value(words, option, value);
  }
  return basalt::engine::profiled(option) ? " [" + words.text + "]"
                                          : " [" + words.text.substr(0, words.text.find(',')) + "]";
}

[[nodiscard]] std::string page_of_the_library() {
  Page page{"libbasalt", 7, BASALT_VERSION};
  page.name("a memory allocator: its options");
  page.section("SYNOPSIS");
  page.sample("  BASALT_KEEP=64M LD_PRELOAD=libbasalt.so PROGRAM\n  basalt_option_set(\"keep\", \"64M\");");
  page.section("DESCRIPTION");
  page.text(
      "A program that has libbasalt.so preloaded, or is linked to it, is tuned by its environment when it "
      "begins, or at "
      "any time by calls. Where three values stand in brackets, they are the defaults of the profiles small, "
      "balanced "
      "and throughput; balanced is the profile unless another is chosen.");
  page.section("ENVIRONMENT");
  for (const basalt::engine::Option& option : basalt::engine::options) {
    Words form;
    basalt::engine::write_form(form, option);
    std::string name = "BASALT_";
    for (const char* letter = option.name; *letter != '\0'; ++letter)
      name += *letter >= 'a' && *letter <= 'z' ? static_cast<char>(*letter - 'a' + 'A') : *letter;
    page.item({{name, Page::Face::strong}, {"(" + form.text + ")", Page::Face::plain}},
              option.meaning + defaults_of(option));
  }
  page.section("SEE ALSO");
  page.text("basalt(1), basalt-run(1), ld.so(8)");
  return page.roff();
}

void write_all(const std::filesystem::path& folder) {
  CLI::App app;
  Action chosen;
  describe_tool(app, chosen);
  write(folder / "man1" / "basalt.1", page_of_all(app));
  for (const Command& command : commands())
    write(folder / "man1" / fmt::format("basalt-{}.1", command.name),
          page_of(command, *app.get_subcommand(command.name)));
  write(folder / "man7" / "libbasalt.7", page_of_the_library());
}

}  // namespace

int main(int count, char** words) {
  try {
    if (count != 2) throw std::runtime_error("basalt-manual wants the folder for its pages");
    write_all(words[1]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
