#include "commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <string>

namespace basalt::tool {

namespace {

constexpr const char* about =
    "Runs, records, replays and explains what programs do with their memory.\n"
    "Every command has a --help with examples.";

// Behind the program's name stand the program's own options.
void describe_command(CLI::App& app, const Command& command, Action& chosen) {
  CLI::App* const page = app.add_subcommand(command.name, command.summary);
  page->footer(fmt::format("{}\n\nExamples:\n{}\n", command.about, command.examples));
  const Action action = command.describe(Options{*page});
  page->callback([&chosen, action] { chosen = action; });
}

}  // namespace

// In the order in which they are likely to be needed.
std::span<const Command> commands() {
  // clang-format off
  static constexpr std::array all{
      run_command,
      record_command,
      report_command,
      replay_command,
      compare_command,
      check_command,
      profile_command,
      top_command,
      export_command,
      import_command,
      doctor_command,
      guard_command,
      info_command,
      dump_command,
  };
  // clang-format on
  return all;
}

std::span<const Exit> exits() {
  static constexpr std::array all{
      Exit{"0", "done"},
      Exit{"1", "done, and something was found wanting"},
      Exit{"2", "the command line or a file is wrong: two lines say what, and what to do"},
      Exit{"126, 127", "the program cannot be executed; there is none"},
      Exit{"else", "of a command that runs a program: that program's, or 128 and the signal that ended it"},
  };
  return all;
}

void describe_tool(CLI::App& app, Action& chosen) {
  app.name("basalt");
  app.description(about);
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string{"basalt "} + BASALT_VERSION);
  for (const Command& command : commands()) describe_command(app, command, chosen);
  std::string footer = "Exit status:\n";
  for (const Exit& exit : exits()) footer += fmt::format("  {:<8}  {}\n", exit.status, exit.meaning);
  app.footer(footer + "\nBegin with: basalt record -- PROGRAM, and then: basalt report, basalt replay\n");
}

}  // namespace basalt::tool
