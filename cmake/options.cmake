# How every line of ours is compiled.
add_library(basalt_options INTERFACE)

target_compile_options(basalt_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

foreach(sanitizer IN LISTS BASALT_SANITIZE)
  target_compile_options(basalt_options INTERFACE -fsanitize=${sanitizer} -fno-omit-frame-pointer)
  target_link_options(basalt_options INTERFACE -fsanitize=${sanitizer})
endforeach()

# Every region and branch of our code counts itself, by Clang. The counters lie in a file that the process maps, named in
# the binary itself: so a process that aborts, forks or is killed, and one without an environment, has counted all the same.
if(BASALT_COVERAGE)
  set(counters -fprofile-instr-generate=${PROJECT_BINARY_DIR}/counters/%m%c.profraw)
  target_compile_options(basalt_options INTERFACE ${counters} -fcoverage-mapping -fprofile-update=atomic
    "SHELL:-mllvm -runtime-counter-relocation")
  target_link_options(basalt_options INTERFACE ${counters})
endif()

# What goes into the libraries themselves: no exceptions, no RTTI, no guarded statics, nothing visible but the doors.
# Slow paths have frame pointers, so that a report's stack leads through them to the caller; the short paths call nothing.
# The compiler must not turn what we write inside malloc into a call of malloc.
add_library(basalt_library_options INTERFACE)
target_link_libraries(basalt_library_options INTERFACE basalt_options)
target_compile_options(basalt_library_options INTERFACE
  -fno-omit-frame-pointer -momit-leaf-frame-pointer
  -fvisibility=hidden -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fvisibility-inlines-hidden>)
