#include "pprof.hpp"

#include <zlib.h>

#include <map>
#include <protozero/pbf_writer.hpp>
#include <stdexcept>
#include <vector>

#include "pprof_fields.hpp"

namespace basalt::tool {

namespace {

class Builder {
 public:
  Builder(const trace::Tables& tables, symbols::Symbolizer& names) : tables_{tables}, names_{names} {
    (void)text("");
  }

  std::string build(const analysis::Findings& findings) {
    for (const auto& [name, unit] : {std::pair{"alloc_objects", "count"},
                                     {"alloc_space", "bytes"},
                                     {"inuse_objects", "count"},
                                     {"inuse_space", "bytes"}})
      add_value_type(field::sample_type, name, unit);
    for (std::uint32_t stack = 0; stack != findings.sites.size(); ++stack) {
      if (findings.sites[stack].allocated.count != 0) add_sample(stack, findings.sites[stack]);
    }
    for (const trace::Module& module : tables_.modules) add_mapping(module);
    add_value_type(field::period_type, "space", "bytes");
    all_.add_int64(field::period, 1);
    all_.add_int64(field::default_sample_type, text("inuse_space"));
    for (const std::string* const one : texts_) all_.add_string(field::string_table, *one);
    return data_;
  }

 private:
  [[nodiscard]] std::int64_t text(const std::string& words) {
    const auto [place, is_new] = text_numbers_.try_emplace(words, texts_.size());
    if (is_new) texts_.push_back(&place->first);
    return static_cast<std::int64_t>(place->second);
  }

  void add_value_type(protozero::pbf_tag_type tag, const char* name, const char* unit) {
    protozero::pbf_writer one{all_, tag};
    one.add_int64(field::type, text(name));
    one.add_int64(field::unit, text(unit));
  }

  void add_sample(std::uint32_t stack, const analysis::Site& site) {
    std::vector<std::uint64_t> locations;
    for (const std::uint64_t address : tables_.addresses(stack)) locations.push_back(location(address));
    const std::vector<std::int64_t> values{
        static_cast<std::int64_t>(site.allocated.count), static_cast<std::int64_t>(site.allocated.bytes),
        static_cast<std::int64_t>(site.chosen.count), static_cast<std::int64_t>(site.chosen.bytes)};
    protozero::pbf_writer one{all_, field::sample};
    one.add_packed_uint64(field::location_id, locations.begin(), locations.end());
    one.add_packed_int64(field::value, values.begin(), values.end());
  }

  [[nodiscard]] std::uint64_t location(std::uint64_t address) {
    const auto [place, is_new] = locations_.try_emplace(address, locations_.size() + 1);
    if (!is_new) return place->second;
    const trace::Module* const module = tables_.module_of(address);
    std::vector<std::pair<std::uint64_t, int>> lines;
    for (const symbols::Frame& frame : names_.frames(address))
      lines.emplace_back(function(frame), frame.line);
    protozero::pbf_writer one{all_, field::location};
    one.add_uint64(field::own_id, place->second);
    if (module != nullptr)
      one.add_uint64(field::mapping_of, static_cast<std::uint64_t>(module - tables_.modules.data()) + 1);
    one.add_uint64(field::address, address);
    for (const auto& [number, line] : lines) {
      protozero::pbf_writer part{one, field::line};
      part.add_uint64(field::function_id, number);
      part.add_int64(field::line_number, line);
    }
    return place->second;
  }

  [[nodiscard]] std::uint64_t function(const symbols::Frame& frame) {
    const auto [place, is_new] = functions_.try_emplace({frame.function, frame.file}, functions_.size() + 1);
    if (!is_new) return place->second;
    protozero::pbf_writer one{all_, field::function};
    one.add_uint64(field::own_number, place->second);
    one.add_int64(field::name, text(frame.function));
    one.add_int64(field::system_name, text(frame.function));
    one.add_int64(field::file, text(frame.file));
    return place->second;
  }

  void add_mapping(const trace::Module& module) {
    const std::int64_t path = text(module.path), id = text(module.build_id);
    protozero::pbf_writer one{all_, field::mapping};
    one.add_uint64(field::mapping_id, static_cast<std::uint64_t>(&module - tables_.modules.data()) + 1);
    one.add_uint64(field::memory_start, module.begin);
    one.add_uint64(field::memory_limit, module.end);
    one.add_uint64(field::file_offset, module.file_offset);
    one.add_int64(field::filename, path);
    one.add_int64(field::build_id, id);
    for (const auto known :
         {field::has_functions, field::has_filenames, field::has_line_numbers, field::has_inline_frames})
      one.add_bool(known, true);
  }

  const trace::Tables& tables_;
  symbols::Symbolizer& names_;
  std::string data_;
  protozero::pbf_writer all_{data_};
  std::map<std::string, std::size_t> text_numbers_;
  std::vector<const std::string*> texts_;
  std::map<std::uint64_t, std::uint64_t> locations_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> functions_;
};

}  // namespace

std::string gzipped(std::string plain) {
  z_stream stream{};
  constexpr int gzip = 15 + 16, memory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib cannot begin");
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib cannot pack the profile");
  return packed;
}

std::string as_pprof(const analysis::Findings& findings, const trace::Tables& tables,
                     symbols::Symbolizer& names) {
  return gzipped(Builder{tables, names}.build(findings));
}

}  // namespace basalt::tool
