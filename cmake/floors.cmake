# A floor of the house as a CMake target. `cmake/floors.txt` orders them; an edge that does not go down stops the
# configuration, so the order cannot be broken by a link line any more than by an include.

# basalt_floors: the rooms that there are, from the ground up.
file(STRINGS ${PROJECT_SOURCE_DIR}/cmake/floors.txt floor_lines REGEX "^[0-9]")
set(basalt_floors)
foreach(line IN LISTS floor_lines)
  string(REGEX REPLACE "^[0-9] ([a-z]+).*" "\\1" room ${line})
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/src/${room})
    list(APPEND basalt_floors ${room})
  endif()
endforeach()

# basalt_add_floor(NAME [SOURCES file...] USES floor...)
# A floor with no sources of its own is a library of headers; the others are compiled once, as objects, and every
# library that ships is put together from those.
function(basalt_add_floor name)
  cmake_parse_arguments(PARSE_ARGV 1 floor "" "" "SOURCES;USES")
  if(floor_SOURCES)
    add_library(basalt_floor_${name} OBJECT ${floor_SOURCES})
    target_link_libraries(basalt_floor_${name} PRIVATE basalt_library_options)
    set(scope PUBLIC)
  else()
    add_library(basalt_floor_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(basalt_floor_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  foreach(other IN LISTS floor_USES)
    target_link_libraries(basalt_floor_${name} ${scope} basalt_floor_${other})
  endforeach()
endfunction()
