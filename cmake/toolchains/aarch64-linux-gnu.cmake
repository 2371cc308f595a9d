# 64-bit ARM Linux from an x86-64 machine: Debian's cross compiler builds, qemu-user runs.
#
#   script/bootstrap cross
#   cmake -S . -B build/aarch64 -G Ninja --toolchain cmake/toolchains/aarch64-linux-gnu.cmake
#
# With an emulator named here, add_test() and gtest_discover_tests() start every target through it by
# themselves. A script that starts a target puts ${CMAKE_CROSSCOMPILING_EMULATOR} before it, and preloads a
# library with `qemu-aarch64 -E LD_PRELOAD=...`: in the environment, the loader of this machine would try it too.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# Headers and libraries of the cross compiler; also where the emulated dynamic loader finds libc.
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# Programs run on this machine; everything that is linked or included must be of the target. A host GoogleTest
# is therefore not found; it is built from /usr/src/googletest (package googletest), with warnings left alone:
# GCC 12 calls a string concatenation in it a possible overlap.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
