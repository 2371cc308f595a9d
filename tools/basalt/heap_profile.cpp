#include "heap_profile.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <protozero/pbf_message.hpp>
#include <unordered_map>

#include "console.hpp"
#include "pprof_fields.hpp"
#include "report.hpp"
#include "symbols/symbols.hpp"

namespace basalt::tool {

namespace {

using protozero::pbf_reader;

// Samples refer to locations and strings that come later, so the message is read twice.
class Reading {
 public:
  explicit Reading(const std::string& bytes) : bytes_{bytes} {}

  HeapProfile result() {
    each([this](pbf_reader& all) { take_table(all); });
    each([this](pbf_reader& all) { take_sample(all); });
    profile_.comment = text(comment_);
    return std::move(profile_);
  }

 private:
  template <class Take>
  void each(Take&& take) {
    pbf_reader all{bytes_};
    while (all.next()) take(all);
  }

  [[nodiscard]] std::string text(std::size_t number) const {
    return number < texts_.size() ? texts_[number] : "";
  }

  void take_table(pbf_reader& all) {
    switch (all.tag()) {
      case field::string_table:
        texts_.push_back(all.get_string());
        break;
      case field::location:
        take_location(all.get_message());
        break;
      case field::period:
        profile_.period = static_cast<std::uint64_t>(all.get_int64());
        break;
      case field::comment:
        comment_ = static_cast<std::size_t>(all.get_int64());
        break;
      default:
        all.skip();
    }
  }

  void take_location(pbf_reader one) {
    std::uint64_t id = 0, address = 0;
    while (one.next()) {
      if (one.tag() == field::own_id)
        id = one.get_uint64();
      else if (one.tag() == field::address)
        address = one.get_uint64();
      else
        one.skip();
    }
    locations_[id] = address;
  }

  void take_sample(pbf_reader& all) {
    if (all.tag() == field::mapping) return take_mapping(all.get_message());
    if (all.tag() != field::sample) return all.skip();
    pbf_reader one = all.get_message();
    std::vector<std::uint64_t> calls, values;
    while (one.next()) {
      if (one.tag() == field::location_id) {
        for (const std::uint64_t id : one.get_packed_uint64()) calls.push_back(locations_[id]);
      } else if (one.tag() == field::value) {
        for (const std::int64_t value : one.get_packed_int64())
          values.push_back(static_cast<std::uint64_t>(value));
      } else {
        one.skip();
      }
    }
    values.resize(4);
    add({values[0], values[1]}, {values[2], values[3]}, calls);
  }

  void take_mapping(pbf_reader one) {
    trace::Module module;
    while (one.next()) {
      switch (one.tag()) {
        case field::memory_start:
          module.begin = one.get_uint64();
          break;
        case field::memory_limit:
          module.end = one.get_uint64();
          break;
        case field::file_offset:
          module.file_offset = one.get_uint64();
          break;
        case field::filename:
          module.path = text(static_cast<std::size_t>(one.get_int64()));
          break;
        case field::build_id:
          module.build_id = text(static_cast<std::size_t>(one.get_int64()));
          break;
        default:
          one.skip();
      }
    }
    if (module.end != 0) profile_.tables.modules.push_back(module);
  }

  void add(analysis::Amount allocated, analysis::Amount in_use, const std::vector<std::uint64_t>& calls) {
    std::uint32_t stack = 0;
    for (auto call = calls.rbegin(); call != calls.rend(); ++call) stack = child(stack, *call);
    analysis::Findings& found = profile_.findings;
    found.sites.resize(profile_.tables.calls.size());
    found.sites[stack].allocated += allocated;
    found.sites[stack].chosen += in_use;
    found.allocated += allocated;
    found.at_chosen += in_use;
  }

  [[nodiscard]] std::uint32_t child(std::uint32_t parent, std::uint64_t address) {
    auto& calls = profile_.tables.calls;
    const auto [place, is_new] =
        children_.try_emplace({parent, address}, static_cast<std::uint32_t>(calls.size()));
    if (is_new) calls.push_back({parent, address});
    return place->second;
  }

  const std::string& bytes_;
  HeapProfile profile_;
  std::size_t comment_ = 0;
  std::vector<std::string> texts_;
  std::unordered_map<std::uint64_t, std::uint64_t> locations_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> children_;
};

// k samples are usually off by a part in the root of k; a block of n bytes is sampled with the probability 1 - e^(-n / period).
[[nodiscard]] double uncertainty(const analysis::Amount& amount, std::uint64_t period) {
  if (amount.count == 0 || period < 2) return 0;
  const double mean = static_cast<double>(amount.bytes) / static_cast<double>(amount.count);
  const double sampled = static_cast<double>(amount.count) * -std::expm1(-mean / static_cast<double>(period));
  return static_cast<double>(amount.bytes) / std::sqrt(std::max(sampled, 1.0));
}

}  // namespace

HeapProfile read_heap_profile(const std::string& bytes) {
  try {
    return Reading{bytes}.result();
  } catch (const protozero::exception&) {
    throw UserError("the program's profile is not whole", "try again, or read it with pprof");
  }
}

std::vector<Holder> holders(const HeapProfile& before, const HeapProfile& now) {
  std::map<std::string, Holder> places;
  symbols::Symbolizer names{now.tables}, old_names{before.tables};
  for (const NamedSite& named : named_sites(now.findings, names)) {
    Holder& holder = places[named.name];
    holder.allocated += named.site.allocated;
    holder.now += named.site.chosen;
  }
  for (const NamedSite& named : named_sites(before.findings, old_names))
    places[named.name].before += named.site.chosen;
  std::vector<Holder> all;
  for (auto& [name, holder] : places) {
    holder.name = name;
    holder.uncertainty = uncertainty(holder.now, now.period);
    all.push_back(holder);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Holder& a, const Holder& b) { return a.growth() > b.growth(); });
  return all;
}

}  // namespace basalt::tool
