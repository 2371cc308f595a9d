#include "pprof_read.hpp"

#include <zlib.h>

#include <fstream>
#include <memory>
#include <protozero/pbf_reader.hpp>

#include "console.hpp"
#include "open_trace.hpp"
#include "pprof_fields.hpp"
#include "symbols/symbols.hpp"

namespace basalt::tool {

namespace {

using protozero::pbf_reader;

[[nodiscard]] std::string unpacked(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file{gzopen(path.c_str(), "rb"), gzclose};
  std::string all, part(1 << 18, '\0');
  for (int got = 1; file != nullptr && got > 0;) {
    got = gzread(file.get(), part.data(), static_cast<unsigned>(part.size()));
    if (got < 0) throw UserError(path + " is damaged", "make the profile anew");
    all.append(part, 0, static_cast<std::size_t>(got));
  }
  return all;
}

// The parts of a profile refer to each other by number and come in any order: so all are taken first, and put together then.
class Parts {
 public:
  explicit Parts(const std::string& data) {
    pbf_reader all{data};
    while (all.next()) {
      switch (all.tag()) {
        case field::sample_type:
          take_kind(all.get_message());
          break;
        case field::sample:
          take_sample(all.get_message());
          break;
        case field::mapping:
          take_mapping(all.get_message());
          break;
        case field::location:
          take_location(all.get_message());
          break;
        case field::function:
          take_function(all.get_message());
          break;
        case field::string_table:
          texts_.push_back(all.get_string());
          break;
        default:
          all.skip();
      }
    }
  }

  // Who writes a profile in the program itself names nobody: then the files that it was made of do.
  [[nodiscard]] Profile put_together() const {
    Profile profile;
    trace::Tables tables;
    for (const Mapping& one : mappings_) {
      if (one.end != 0)
        tables.modules.push_back({one.begin, one.end, one.file_offset, text(one.file), text(one.build_id)});
    }
    symbols::Symbolizer names{tables};
    for (const auto& [name, unit] : kinds_) profile.kinds.push_back({text(name), text(unit), 0});
    for (const Sample& sample : samples_) {
      for (std::size_t i = 0; i != std::min(profile.kinds.size(), sample.values.size()); ++i)
        profile.kinds[i].sum += sample.values[i];
      if (!sample.values.empty()) profile.places[place_of(sample, names)] += sample.values.back();
    }
    mention_changes(names);
    return profile;
  }

 private:
  struct Mapping {
    std::uint64_t begin = 0, end = 0, file_offset = 0;
    std::int64_t file = 0, build_id = 0;
  };
  struct Location {
    std::uint64_t address = 0;
    std::vector<std::uint64_t> functions;
  };
  struct Sample {
    std::vector<std::uint64_t> locations;
    std::vector<std::int64_t> values;
  };

  void take_kind(pbf_reader part) {
    std::pair<std::int64_t, std::int64_t> kind{0, 0};
    while (part.next()) {
      if (part.tag() == field::type || part.tag() == field::unit) {
        (part.tag() == field::type ? kind.first : kind.second) = part.get_int64();
      } else {
        part.skip();
      }
    }
    kinds_.push_back(kind);
  }

  // Numbers may come packed or one by one.
  void take_sample(pbf_reader part) {
    Sample sample;
    while (part.next()) {
      const bool packed = part.wire_type() == protozero::pbf_wire_type::length_delimited;
      if (part.tag() == field::location_id && packed) {
        for (const std::uint64_t one : part.get_packed_uint64()) sample.locations.push_back(one);
      } else if (part.tag() == field::location_id) {
        sample.locations.push_back(part.get_uint64());
      } else if (part.tag() == field::value && packed) {
        for (const std::int64_t one : part.get_packed_int64()) sample.values.push_back(one);
      } else if (part.tag() == field::value) {
        sample.values.push_back(part.get_int64());
      } else {
        part.skip();
      }
    }
    samples_.push_back(std::move(sample));
  }

  void take_mapping(pbf_reader part) {
    Mapping mapping;
    while (part.next()) {
      if (part.tag() == field::memory_start) {
        mapping.begin = part.get_uint64();
      } else if (part.tag() == field::memory_limit) {
        mapping.end = part.get_uint64();
      } else if (part.tag() == field::file_offset) {
        mapping.file_offset = part.get_uint64();
      } else if (part.tag() == field::filename) {
        mapping.file = part.get_int64();
      } else if (part.tag() == field::build_id) {
        mapping.build_id = part.get_int64();
      } else {
        part.skip();
      }
    }
    mappings_.push_back(mapping);
  }

  void take_location(pbf_reader part) {
    std::uint64_t id = 0;
    Location location;
    while (part.next()) {
      if (part.tag() == field::own_id) {
        id = part.get_uint64();
      } else if (part.tag() == field::address) {
        location.address = part.get_uint64();
      } else if (part.tag() == field::line) {
        pbf_reader line = part.get_message();
        while (line.next()) {
          if (line.tag() == field::function_id) {
            location.functions.push_back(line.get_uint64());
          } else {
            line.skip();
          }
        }
      } else {
        part.skip();
      }
    }
    locations_[id] = std::move(location);
  }

  void take_function(pbf_reader part) {
    std::uint64_t id = 0;
    std::int64_t name = 0;
    while (part.next()) {
      if (part.tag() == field::own_number) {
        id = part.get_uint64();
      } else if (part.tag() == field::name) {
        name = part.get_int64();
      } else {
        part.skip();
      }
    }
    function_names_[id] = name;
  }

  [[nodiscard]] std::string text(std::int64_t number) const {
    return number >= 0 && static_cast<std::size_t>(number) < texts_.size()
               ? texts_[static_cast<std::size_t>(number)]
               : "";
  }

  [[nodiscard]] std::string place_of(const Sample& sample, symbols::Symbolizer& names) const {
    std::vector<symbols::Frame> frames;
    for (const std::uint64_t location : sample.locations) {
      const auto found = locations_.find(location);
      if (found == locations_.end()) continue;
      if (found->second.functions.empty() && found->second.address != 0) {
        const std::vector<symbols::Frame>& here = names.frames(found->second.address);
        frames.insert(frames.end(), here.begin(), here.end());
      }
      for (const std::uint64_t function : found->second.functions) {
        const auto name = function_names_.find(function);
        frames.push_back({name == function_names_.end() ? "" : text(name->second), "", 0, false});
      }
    }
    return frames.empty() ? "(not known)" : symbols::text_of(symbols::cause(frames));
  }

  std::vector<std::pair<std::int64_t, std::int64_t>> kinds_;
  std::vector<Sample> samples_;
  std::vector<Mapping> mappings_;
  std::map<std::uint64_t, Location> locations_;
  std::map<std::uint64_t, std::int64_t> function_names_;
  std::vector<std::string> texts_;
};

}  // namespace

bool is_packed(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return file.get() == 0x1f && file.get() == 0x8b;
}

Profile read_profile(const std::string& path) {
  const std::string data = unpacked(path);
  try {
    Profile profile = Parts{data}.put_together();
    if (!profile.kinds.empty()) return profile;
  } catch (const protozero::exception&) {  // what is no profile is told below
  }
  throw UserError(path + " is no profile of pprof",
                  "make one: basalt export --to pprof, or basalt_profile_write");
}

}  // namespace basalt::tool
