// The heap profile in the format of pprof: a message `Profile` of github.com/google/pprof's profile.proto, not compressed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../base/text.hpp"
#include "../platform/images.hpp"
#include "heap_profile.hpp"
#include "protobuf.hpp"

namespace basalt::observe {

// All that a profile is written from, copied, so that nobody waits while it is.
struct ProfileCopy {
  const Site* sites = nullptr;
  std::size_t site_count = 0;
  const Image* images = nullptr;
  std::size_t image_count = 0;
  std::uintptr_t* calls = nullptr;  // room for all calls of all sites
  ProfileFigures figures;
  std::uint64_t now = 0;       // nanoseconds since 1970
  std::uint64_t duration = 0;  // nanoseconds
};

// The numbers of fields, by the messages' names.
namespace pprof {
enum Profile : unsigned {
  sample_type = 1,
  sample = 2,
  mapping = 3,
  location = 4,
  string_table = 6,
  drop_frames = 7,
  time_nanos = 9,
  duration_nanos = 10,
  period_type = 11,
  period = 12,
  comment = 13,
  default_sample_type = 14
};
enum ValueType : unsigned { type = 1, unit = 2 };
enum Sample : unsigned { location_id = 1, value = 2 };
enum Mapping : unsigned { id = 1, memory_start, memory_limit, file_offset, filename, build_id };
enum Location : unsigned { mapping_id = 2, address = 3 };

// What pprof leaves out of a stack, with what it called: our own frames, where they are part of the program.
inline constexpr char of_ours[] =
    "(.* "
    ")?basalt::(door|engine|observe)::.*|malloc|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_"
    "memalign|p?valloc|operator "
    "new.*";

// Strings are named by their places in a table, which begins with these.
inline constexpr const char* strings[] = {
    "", "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "inuse_space", "space", of_ours};
enum String : unsigned {
  alloc_objects = 1,
  count,
  alloc_space,
  bytes,
  inuse_objects,
  inuse_space,
  space,
  own_frames,
  comments
};
}  // namespace pprof

// Writes one profile. A call's location has the number of the call among all of them in their order, and each image is a
// mapping; what lies in none has a mapping without a name, since there are readers that want one for each location.
template <class Out>
class PprofWriter {
 public:
  PprofWriter(const ProfileCopy& copy, Out out) noexcept : copy_{copy}, message_{out} {}

  void write() noexcept {
    sort_calls();
    write_types();
    write_strings();
    for (std::size_t i = 0; i < copy_.image_count; ++i) write_mapping(i);
    Submessage<32> rest;
    rest.number(pprof::id, unknown_mapping());
    message_.bytes(pprof::mapping, rest.data(), rest.size());
    for (std::size_t i = 0; i < call_count_; ++i) write_location(i);
    for (std::size_t i = 0; i < copy_.site_count; ++i) write_sample(copy_.sites[i]);
    message_.flush();
  }

 private:
  [[nodiscard]] std::uint64_t unknown_mapping() const noexcept { return copy_.image_count + 1; }

  [[nodiscard]] std::size_t image_of(std::uintptr_t call) const noexcept {
    std::size_t i = 0;
    while (i < copy_.image_count && !copy_.images[i].contains(call)) ++i;
    return i;
  }

  void sort_calls() noexcept {
    std::size_t all = 0;
    for (std::size_t i = 0; i < copy_.site_count; ++i)
      for (std::size_t c = 0; c < copy_.sites[i].count; ++c) copy_.calls[all++] = copy_.sites[i].calls[c];
    std::sort(copy_.calls, copy_.calls + all);
    call_count_ = static_cast<std::size_t>(std::unique(copy_.calls, copy_.calls + all) - copy_.calls);
  }

  void write_type(unsigned field, pprof::String type, pprof::String unit) noexcept {
    Submessage<16> value;
    value.number(pprof::type, type);
    value.number(pprof::unit, unit);
    message_.bytes(field, value.data(), value.size());
  }

  void write_types() noexcept {
    write_type(pprof::sample_type, pprof::alloc_objects, pprof::count);
    write_type(pprof::sample_type, pprof::alloc_space, pprof::bytes);
    write_type(pprof::sample_type, pprof::inuse_objects, pprof::count);
    write_type(pprof::sample_type, pprof::inuse_space, pprof::bytes);
    write_type(pprof::period_type, pprof::space, pprof::bytes);
    message_.number(pprof::period, copy_.figures.period);
    message_.number(pprof::time_nanos, copy_.now);
    message_.number(pprof::duration_nanos, copy_.duration);
    message_.number(pprof::default_sample_type, pprof::inuse_space);
    message_.number(pprof::drop_frames, pprof::own_frames);
    message_.number(pprof::comment, pprof::comments);
  }

  void write_strings() noexcept {
    for (const char* const string : pprof::strings) message_.text(pprof::string_table, string);
    const Text comment = Text{} << "basalt: " << copy_.figures.sampled << " requests sampled, "
                                << copy_.figures.lost << " of them not followed";
    message_.bytes(pprof::string_table, comment.data(), comment.size());
    for (std::size_t i = 0; i < copy_.image_count; ++i) {
      message_.text(pprof::string_table, copy_.images[i].path);
      message_.text(pprof::string_table, copy_.images[i].build_id);
    }
  }

  void write_mapping(std::size_t index) noexcept {
    const Image& image = copy_.images[index];
    const std::uint64_t path = pprof::comments + 1 + 2 * index;
    Submessage<96> mapping;
    mapping.number(pprof::id, index + 1);
    mapping.number(pprof::memory_start, image.begin);
    mapping.number(pprof::memory_limit, image.end);
    mapping.number(pprof::file_offset, image.file_offset);
    mapping.number(pprof::filename, path);
    mapping.number(pprof::build_id, path + 1);
    message_.bytes(pprof::mapping, mapping.data(), mapping.size());
  }

  void write_location(std::size_t index) noexcept {
    Submessage<64> location;
    location.number(pprof::id, index + 1);
    location.number(pprof::mapping_id, image_of(copy_.calls[index]) + 1);
    location.number(pprof::address, copy_.calls[index]);
    message_.bytes(pprof::location, location.data(), location.size());
  }

  void write_sample(const Site& site) noexcept {
    Submessage<Site::most_calls * 5> ids;
    for (std::size_t c = first_of_program(site); c < site.count; ++c) {
      const auto* const place = std::lower_bound(copy_.calls, copy_.calls + call_count_, site.calls[c]);
      ids.varint(static_cast<std::uint64_t>(place - copy_.calls) + 1);
    }
    Submessage<64> values;
    for (const Amount& amount : {site.allocated, site.in_use}) {
      values.varint(rounded(amount.objects));
      values.varint(rounded(amount.bytes));
    }
    Submessage<Site::most_calls * 5 + 128> sample;
    sample.bytes(pprof::location_id, ids.data(), ids.size());
    sample.bytes(pprof::value, values.data(), values.size());
    message_.bytes(pprof::sample, sample.data(), sample.size());
  }

  // Returns: the first call outside of the library, where it is one; where it is part of the program nobody can tell before the
  // names are known, and `drop_frames` says what to leave out.
  [[nodiscard]] std::size_t first_of_program(const Site& site) const noexcept {
    std::size_t c = 0;
    while (c + 1 < site.count && is_ours(image_of(site.calls[c]))) ++c;
    return c;
  }

  [[nodiscard]] bool is_ours(std::size_t index) const noexcept {
    if (index == copy_.image_count) return false;
    const char* name = copy_.images[index].path;
    for (const char* at = name; *at != '\0'; ++at) name = *at == '/' ? at + 1 : name;
    return std::strncmp(name, "libbasalt", 9) == 0;
  }

  [[nodiscard]] static std::uint64_t rounded(std::uint64_t parts) noexcept {
    return static_cast<std::uint64_t>(static_cast<double>(parts) / Amount::scale + 0.5);
  }

  const ProfileCopy& copy_;
  Protobuf<4096, Out> message_;
  std::size_t call_count_ = 0;
};

}  // namespace basalt::observe
