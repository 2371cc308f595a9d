// Profiles in the format of pprof.
#pragma once

#include <string>

#include "analysis/analysis.hpp"
#include "symbols/symbols.hpp"
#include "trace/tables.hpp"

namespace basalt::tool {

// Returns: a gzipped profile.proto with what was allocated and what is live at the chosen moment, objects and bytes, for each stack;
// every location has its mapping with its build-id, and its functions and lines.  Source: github.com/google/pprof, profile.proto.
[[nodiscard]] std::string as_pprof(const analysis::Findings& findings, const trace::Tables& tables,
                                   symbols::Symbolizer& names);

// Returns: the bytes as gzip packs them.
[[nodiscard]] std::string gzipped(std::string plain);

}  // namespace basalt::tool
