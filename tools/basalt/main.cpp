// basalt: which allocator suits a program, and where does its memory go?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "child.hpp"
#include "command.hpp"
#include "console.hpp"
#include "signals.hpp"

namespace {

using namespace basalt::tool;

// The library that reads the command line would name the wrong word only behind a command that there is.
// Throws: UserError.
void require_command(int count, char** words) {
  constexpr std::array options{"-h", "--help", "--version"};
  const std::string first = count < 2 ? "" : words[1];
  const auto is_first = [&first](const char* option) { return first == option; };
  const auto is_called = [&first](const Command& command) { return first == command.name; };
  if (std::any_of(options.begin(), options.end(), is_first) ||
      std::any_of(commands().begin(), commands().end(), is_called))
    return;
  throw UserError(count < 2                ? "there is no command to carry out"
                  : first.starts_with('-') ? "there is no option " + first
                                           : "there is no command " + first,
                  "basalt --help tells what there is");
}

int run(int count, char** words) {
  require_command(count, words);
  CLI::App app;
  Action chosen;
  describe_tool(app, chosen);
  try {
    app.parse(count, words);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    std::string page;
    for (const CLI::App* const given : app.get_subcommands()) page = " " + given->get_name();
    complain(error.what(), "basalt" + page + " --help tells what there is");
    return misused;
  }
  return chosen();
}

// What was printed may be on its way still.
// Returns: the status, unless what was to be seen of it is lost.
int printed(int status) {
  const bool whole = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (whole || (status != success && status != found_wanting)) return status;
  complain("stdout could not be written: what was to be printed is not whole", "");
  return misused;
}

}  // namespace

int main(int count, char** words) {
  survive_long_files();
  try {
    return printed(run(count, words));
  } catch (const UserError& error) {
    complain(error.what(), error.next());
    return misused;
  } catch (const CannotRun& error) {
    complain(error.what(), error.next());
    return error.status();
  } catch (const std::bad_alloc&) {
    complain("there is not as much memory as this takes",
             "raise the limit (ulimit -v); basalt info tells whether a trace is damaged");
    return misused;
  } catch (const std::exception& error) {
    complain(error.what(), "");
    return misused;
  }
}
