#include "support/explorer/trace.hpp"

#include <cstdio>
#include <string_view>

#include "support/explorer/execution.hpp"
#include "support/explorer/model_atomics.hpp"

namespace basalt::explorer {
namespace {

std::string show_value(const Memory& memory, const Event& event) {
  const Kind kind = event.operation.kind;
  if (!reads(kind) && kind != Kind::store) return "";
  const Show show = memory.at(event.operation.location).show;
  std::string text;
  if (event.did_read) text += show(event.read);
  if (event.did_read && event.did_write) text += " -> ";
  if (event.did_write) text += show(event.written);
  if (is_compare_exchange(kind) && !event.did_write) {
    text += event.read == event.operation.expected ? " fails spuriously"
                                                   : " is not " + show(event.operation.expected);
  }
  if (event.stale) text += event.did_write ? " (before a newer one)" : " (old)";
  return text;
}

bool is_atomic(Kind kind) { return kind < Kind::pause; }

std::string show_event(const Memory& memory, std::size_t step, const Event& event) {
  const Kind kind = event.operation.kind;
  const std::string thread = event.thread == kBody ? "body" : "T" + std::to_string(event.thread);
  const bool located = reads(kind) || kind == Kind::store;
  char line[256];
  std::snprintf(line, sizeof line, "%4zu  %-6s  %-23s  %-12s  %-26s  %-8s  %s\n", step, thread.c_str(),
                show_kind(kind), located ? show_location(memory, event.operation.location).c_str() : "",
                show_value(memory, event).c_str(), is_atomic(kind) ? show_order(event.order) : "",
                show_site(event.operation.site).c_str());
  return line;
}

}  // namespace

std::string show_signed(long long value) { return std::to_string(value); }

std::string show_unsigned(unsigned long long value) {
  constexpr unsigned long long kReadable = 1'000'000;
  return value < kReadable ? std::to_string(value) : show_pointer(value);
}

std::string show_pointer(Value value) {
  if (value == 0) return "null";
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

const char* show_order(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "?";
}

const char* show_kind(Kind kind) {
  constexpr const char* kNames[] = {"load",
                                    "store",
                                    "exchange",
                                    "fetch_add",
                                    "fetch_sub",
                                    "fetch_or",
                                    "fetch_and",
                                    "fetch_xor",
                                    "compare_exchange_strong",
                                    "compare_exchange_weak",
                                    "fence",
                                    "pause",
                                    "plain read",
                                    "plain write"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string show_site(Site site) {
  const std::string_view file = site.file;
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(site.line);
}

std::string show_location(const Memory& memory, LocationId location) {
  const std::string& name = memory.at(location).name;
  return name.empty() ? "atomic#" + std::to_string(location) : name;
}

std::string show_execution(const Execution& run) {
  std::string table =
      "step  thread  operation                location      value                       order     where\n";
  std::size_t step = 0;
  for (const Event& event : run.events()) table += show_event(run.memory(), ++step, event);
  return table;
}

}  // namespace basalt::explorer
