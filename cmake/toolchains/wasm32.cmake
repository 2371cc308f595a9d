# Freestanding WebAssembly: Clang, wasm-ld and the C++ headers of libc++, with no library linked at all.
#
#   script/bootstrap wasm
#   cmake -S . -B build/wasm32 -G Ninja --toolchain cmake/toolchains/wasm32.cmake
#
# An executable built with this file is a module without main(): what it offers carries
# __attribute__((export_name("..."))), what it asks of the page carries import_module and import_name. Nothing
# calls `_start`; a module with constructors must export __wasm_call_ctors and have it called first, which
# constant initialisation makes unnecessary. Memory starts small and grows by memory.grow.
#
# With no library, memset, memcpy, memmove and memcmp are names nobody defines. -mbulk-memory turns copies of
# structs and __builtin_memset, __builtin_memcpy and __builtin_memmove into single instructions; a call spelled
# std::memcpy stays a call (freestanding code may give it any meaning) and fails at the link.
#
# The triple says wasi because Debian's libc++ headers are installed for it; no WASI function is imported.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)

# The toolchain file is read again for every try_compile; without this the answer given by hand would be lost.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BASALT_WASM_CLANG)
set(BASALT_WASM_CLANG 14 CACHE STRING "Major version of Clang, wasm-ld and libc++ used for wasm32")

set(CMAKE_C_COMPILER clang-${BASALT_WASM_CLANG})
set(CMAKE_CXX_COMPILER clang++-${BASALT_WASM_CLANG})
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
set(CMAKE_SYSROOT /usr)

# A probe must not link a program: there is no main() and no C library to find.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_C_FLAGS_INIT "-ffreestanding -mbulk-memory -fvisibility=hidden")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT} -fno-exceptions -fno-rtti -fno-threadsafe-statics")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -Wl,--no-entry -Wl,-z,stack-size=65536")
set(CMAKE_EXECUTABLE_SUFFIX_C .wasm)
set(CMAKE_EXECUTABLE_SUFFIX_CXX .wasm)

# A module is tested by a script that loads it in node.
find_program(BASALT_NODE NAMES node nodejs DOC "Runs the wasm32 modules in the tests")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
