#include "header.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace basalt::trace {

using nlohmann::json;

std::string to_json(const Header& header) {
  json columns = json::array();
  if (header.columns.pointers) columns.push_back("pointer");
  if (header.columns.times) columns.push_back("time");
  if (header.columns.stacks) columns.push_back("stack");
  const json all{{"format", "basalt trace"},  {"version", version}, {"writer", header.writer},
                 {"command", header.command}, {"pid", header.pid},  {"columns", columns}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

namespace {

[[nodiscard]] bool* column_named(const std::string& name, Columns& columns) {
  if (name == "pointer") return &columns.pointers;
  if (name == "time") return &columns.times;
  if (name == "stack") return &columns.stacks;
  return nullptr;
}

// Nothing here throws: the reader is to work where there are no exceptions.
[[nodiscard]] bool is_list_of_texts(const json& all, const char* name) {
  return all.contains(name) && all[name].is_array() &&
         std::all_of(all[name].begin(), all[name].end(), [](const json& text) { return text.is_string(); });
}

}  // namespace

std::string from_json(const std::string& text, Header& header) {
  const json all = json::parse(text, nullptr, false);
  if (!all.is_object()) return "its header is not JSON";
  if (!all.contains("version") || !all["version"].is_number_unsigned())
    return "its header lacks what a header has";
  if (all["version"].get<unsigned>() != version) return "it is of another version of the format";
  if (!all.contains("writer") || !all["writer"].is_string() || !all.contains("pid") ||
      !all["pid"].is_number_unsigned() || !is_list_of_texts(all, "command") ||
      !is_list_of_texts(all, "columns"))
    return "its header lacks what a header has";
  header.writer = all["writer"].get<std::string>();
  header.pid = all["pid"].get<std::uint64_t>();
  header.command.clear();
  for (const json& word : all["command"]) header.command.push_back(word.get<std::string>());
  header.columns = {};
  for (const json& column : all["columns"]) {
    const std::string name = column.get<std::string>();
    bool* const found = column_named(name, header.columns);
    if (found == nullptr) return "it has a column that this version does not know, " + name;
    *found = true;
  }
  return "";
}

}  // namespace basalt::trace
