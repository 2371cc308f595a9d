// The numbers of the fields in profile.proto, the format of pprof.
#pragma once

#include <protozero/types.hpp>

namespace basalt::tool::field {
enum Profile : protozero::pbf_tag_type {
  sample_type = 1,
  sample = 2,
  mapping = 3,
  location = 4,
  function = 5,
  string_table = 6,
  period_type = 11,
  period = 12,
  comment = 13,
  default_sample_type = 14
};
enum ValueType : protozero::pbf_tag_type { type = 1, unit = 2 };
enum Sample : protozero::pbf_tag_type { location_id = 1, value = 2 };
enum Mapping : protozero::pbf_tag_type {
  mapping_id = 1,
  memory_start = 2,
  memory_limit = 3,
  file_offset = 4,
  filename = 5,
  build_id = 6,
  has_functions = 7,
  has_filenames = 8,
  has_line_numbers = 9,
  has_inline_frames = 10
};
enum Location : protozero::pbf_tag_type { own_id = 1, mapping_of = 2, address = 3, line = 4 };
enum Line : protozero::pbf_tag_type { function_id = 1, line_number = 2 };
enum Function : protozero::pbf_tag_type { own_number = 1, name = 2, system_name = 3, file = 4 };
}  // namespace basalt::tool::field
