#pragma once

#include <string>

#include "support/explorer/operation.hpp"

namespace basalt::explorer {

class Memory;
class Execution;

// How executions are shown to people.

const char* show_order(std::memory_order order);
const char* show_kind(Kind kind);
std::string show_site(Site site);
/// Returns: the location's name, or one made of its number.
std::string show_location(const Memory& memory, LocationId location);
/// Returns: the execution as a table: step, thread, operation, location, value, order, place in the source.
std::string show_execution(const Execution& run);

}  // namespace basalt::explorer
