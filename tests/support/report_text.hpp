// What follows the sentence of a report, as regular expressions.
#pragma once

#include <string>

namespace basalt::test {

// Lines, whatever they say, to the end.
inline const std::string report_goes_on = "\n(  [^\n]+\n)+$";

inline const std::string report_call = "    #[0-9]+ 0x[0-9a-f]+( [^\n]+\\+0x[0-9a-f]+)?\n";

// Returns: a stack.
inline std::string report_stack(const std::string& what) {
  return "  " + what + " in thread [0-9]+:\n(" + report_call + ")+";
}

// Returns: the report of that sentence, with that line about the block, unless it is empty.
inline std::string whole_report(const std::string& sentence, const std::string& block,
                                const std::string& noticed, const std::string& next) {
  return "^basalt: " + sentence + "\n" + (block.empty() ? "" : "  block: " + block + "\n") +
         report_stack(noticed) + "  next: " + next +
         ";\n  addr2line -Cfie FILE OFFSET names the line of a FILE\\+OFFSET; BASALT_GUARD=100 in the "
         "environment "
         "guards many\n  blocks, and tells where those were allocated and freed\n$";
}

}  // namespace basalt::test
