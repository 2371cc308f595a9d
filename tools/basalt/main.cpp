// basalt: which allocator suits a program, and where does its memory go?
#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "child.hpp"
#include "command.hpp"
#include "console.hpp"

namespace {

using namespace basalt::tool;

int run(int count, char** words) {
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

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const UserError& error) {
    complain(error.what(), error.next());
    return misused;
  } catch (const CannotRun& error) {
    complain(error.what(), error.next());
    return error.status();
  } catch (const std::exception& error) {
    complain(error.what(), "");
    return misused;
  }
}
