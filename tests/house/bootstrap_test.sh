#!/usr/bin/env bash
# script/bootstrap on invented machines: PATH holds nothing but fakes, so that nothing is ever installed here.
set -euo pipefail

readonly script=$(cd "$(dirname "$0")/../.." && pwd)/script/bootstrap
readonly bash=$BASH
readonly scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
  echo "FAILED: $scenario: $*"
  sed 's/^/    | /' "$scratch/out" 2>/dev/null || true
  failures=$((failures + 1))
}

fake() {  # NAME BODY: a command that runs BODY (only built-ins of the shell, because PATH is empty otherwise)
  printf '#!%s\n%s\n' "$bash" "$2" >"$bin/$1"
  chmod +x "$bin/$1"
}

machine() {  # SCENARIO: a Debian machine with no root, no sudo and nothing installed
  scenario=$1
  bin=$scratch/${1// /_}
  mkdir "$bin"
  calls=$bin/calls
  : >"$calls"
  local real
  for real in env mktemp rm tail cat; do ln -s "$(type -P $real)" "$bin/$real"; done
  fake id 'echo 1000'
  fake sleep 'exit 0'
  fake dpkg-query ':'
  fake apt-get "echo \"\$DEBIAN_FRONTEND: \$*\" >>'$calls'"
}

with_tools_for_build() {
  fake g++ 'echo 12'
  fake cmake 'echo "cmake version 3.25.1"'
  fake ninja 'echo 1.11.1'
}

with_everything() {
  with_tools_for_build
  fake dpkg-query "printf 'ii  libgtest-dev\nhi  libgmock-dev\nii  libclang-rt-14-dev\n'"
  local name
  for name in python3 readelf pkg-config valgrind musl-gcc patch protoc gdb git clang++-14 clang-format-14 clang-tidy-14; do fake $name 'exit 0'; done
}

with_apt_that_brings_the_tools() {  # [COMMAND TO RUN FIRST]
  with_tools_for_build
  mkdir "$bin/shelf"
  mv "$bin"/{g++,cmake,ninja} "$bin/shelf"
  ln -s "$(type -P mv)" "$bin/mv"
  fake apt-get "echo \"\$DEBIAN_FRONTEND: \$*\" >>'$calls'; ${1:-:}
    [[ \" \$* \" != *' install '* ]] || mv '$bin'/shelf/* '$bin'"
}

run() {  # ARGUMENT...
  status=0
  PATH=$bin CXX="" "$bash" "$script" "$@" >"$scratch/out" 2>&1 </dev/null || status=$?
}

expect_status() { [[ $status == "$1" ]] || fail "exit status $status instead of $1"; }
expect_says() { [[ $(<"$scratch/out") == *"$1"* ]] || fail "it did not say: $1"; }
expect_silence() { [[ ! -s $scratch/out ]] || fail "it was not silent"; }
expect_calls() {  # how often apt-get ran
  local -a lines
  mapfile -t lines <"$calls"
  ((${#lines[@]} == $1)) || fail "apt-get ran ${#lines[@]} times instead of $1: ${lines[*]}"
}

machine "nothing there, no root, no sudo"
run
expect_status 1
expect_says "    su -c 'apt-get update; apt-get install -y --no-install-recommends g++ cmake ninja-build libgtest-dev libgmock-dev python3 binutils pkgconf valgrind musl-tools patch protobuf-compiler gdb clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 git'"
expect_says "package libgtest-dev is not installed"
expect_calls 0

machine "everything there"
with_everything
start=${EPOCHREALTIME/./}
run
elapsed=$((${EPOCHREALTIME/./} - start))
expect_status 0
expect_silence
expect_calls 0
((elapsed < 1000000)) || fail "it took $elapsed microseconds"

machine "one header package removed but configured"
with_everything
fake dpkg-query "printf 'ii  libgtest-dev\nii  libclang-rt-14-dev\nrc  libgmock-dev\n'"
run
expect_status 1
expect_says "no-install-recommends libgmock-dev'"

machine "only the group that was asked for"
with_tools_for_build
run build
expect_status 0
expect_silence

machine "tools that are too old"
with_tools_for_build
fake g++ 'echo 11'
fake cmake 'echo "cmake version 3.9.6"'
run build
expect_status 1
expect_says "g++ is 11, and 12 or newer is needed"
expect_says "cmake is 3.9.6, and 3.25 or newer is needed"
expect_says "no-install-recommends g++ cmake'"

machine "newer tools"
with_tools_for_build
fake g++ 'echo 14.2.0'
fake cmake 'echo "cmake version 4.0.3"'
run build
expect_status 0
expect_silence

machine "a compiler named by CXX"
with_tools_for_build
rm "$bin/g++"
fake clang++-14 'exit 0'
status=0
PATH=$bin CXX="clang++-14 -stdlib=libc++" "$bash" "$script" build >"$scratch/out" 2>&1 || status=$?
expect_status 0
expect_silence

machine "root"
with_apt_that_brings_the_tools
fake id 'echo 0'
run build
expect_status 0
expect_says "installing g++ cmake ninja-build"
expect_calls 2
[[ $(<"$calls") == "noninteractive: "*" update"$'\n'"noninteractive: "*" install -y --no-install-recommends g++ cmake ninja-build" ]] ||
  fail "apt-get was called otherwise: $(<"$calls")"

machine "sudo"
with_apt_that_brings_the_tools
fake sudo 'while [[ $1 == -* ]]; do shift; done; echo "sudo $1" >>"'"$bin"'/sudo_calls"; exec "$@"'
run build
expect_status 0
expect_calls 2
[[ $(<"$bin/sudo_calls") == "sudo env"$'\n'"sudo env" ]] || fail "sudo ran $(<"$bin/sudo_calls")"

machine "sudo that refuses"
fake sudo 'echo "sudo: a password is required" >&2; exit 1'
run build
expect_status 1
expect_says "sudo: a password is required"
expect_says "    sudo sh -c 'apt-get update; apt-get install -y --no-install-recommends g++ cmake ninja-build'"
expect_calls 0

machine "a registry that fails once"
with_apt_that_brings_the_tools '[[ -e $0.tried ]] || [[ " $* " != *" install "* ]] || { : >"$0.tried"; exit 100; }'
fake id 'echo 0'
run build
expect_status 0
expect_says "trying once more"
expect_calls 4

machine "a registry that always fails"
fake id 'echo 0'
fake apt-get "echo \"\$*\" >>'$calls'; echo 'E: Unable to locate package'; exit 100"
run build
expect_status 1
expect_says "E: Unable to locate package"
expect_says "    apt-get update; apt-get install -y --no-install-recommends g++ cmake ninja-build"
expect_calls 4

machine "a list that cannot be refreshed"
with_apt_that_brings_the_tools '[[ " $* " != *" update "* ]] || exit 100'
fake id 'echo 0'
run build
expect_status 0
expect_calls 2

machine "a release too old to have what is needed"
fake id 'echo 0'
run build
expect_status 1
expect_says "Debian 12 or newer is needed"

machine "not Debian"
rm "$bin/apt-get" "$bin/dpkg-query"
run build
expect_status 1
expect_says "not a Debian system"
expect_says "    g++ cmake ninja-build"

machine "not Debian, but everything there"
with_tools_for_build
rm "$bin/apt-get" "$bin/dpkg-query"
run build
expect_status 0
expect_silence

if [[ -e /usr/include/gtest/gtest.h && -e /usr/include/gmock/gmock.h ]]; then
  machine "not Debian, with the headers where every system has them"
  with_everything
  rm "$bin/apt-get" "$bin/dpkg-query"
  run build test
  expect_status 0
  expect_silence
fi

machine "every group"
run all
expect_status 1
for name in clang-tidy-14 llvm-14 g++-aarch64-linux-gnu libc++-14-dev-wasm32 libclang-rt-14-dev-wasm32 sqlite3 libmimalloc2.0; do
  expect_says " $name"
done
command=$(tail -n 1 "$scratch/out")
[[ $command != *" python3 "*" python3 "* ]] || fail "a package is named twice"

machine "an unknown group"
run build tset
expect_status 2
expect_says "there is no group 'tset'"
expect_calls 0

machine "help"
run --help
expect_status 0
expect_says "usage: script/bootstrap"

if ((failures)); then
  echo "$failures expectations failed"
  exit 1
fi
echo "script/bootstrap: all expectations hold"
