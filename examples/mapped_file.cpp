// A heap that outlives its process. Run it twice with the name of a file: the first run fills a heap with a list, the
// second finds it at the same address and walks it. Without a name it does both by itself.
#include <basalt/basic.hpp>
#include <basalt/growers.hpp>

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <new>

using File = basalt::MemoryFile<basalt::RawOs>;

struct Number {
  Number* next;
  int value;
};

struct Numbers {  // lies in the file, heap and all
  basalt::RawAlloc<basalt::Borrowed<File>> heap;
  Number* first = nullptr;

  explicit Numbers(File& file) : heap{file} {}
};

static int write_list(File& file) {
  auto* numbers = ::new (file.room().begin) Numbers{file};
  for (int i = 1; i <= 1000; ++i) {
    const auto block = numbers->heap.allocate({sizeof(Number)});
    if (!block.ok()) return 1;
    numbers->first = ::new (block.value) Number{numbers->first, i};
  }
  file.set_root(numbers);
  std::printf("wrote 1000 numbers into %zu pages at %p\n", file.pages(), static_cast<void*>(&file));
  return 0;
}

static int walk_list(const File& file) {
  const auto* numbers = static_cast<const Numbers*>(file.root());
  int sum = 0;
  for (const Number* number = numbers->first; number != nullptr; number = number->next) sum += number->value;
  numbers->heap.list().each([](basalt::Range block) { std::printf("free: %zu bytes\n", block.size); });
  std::printf("found numbers that add up to %d\n", sum);
  return sum == 500'500 && numbers->heap.validate().valid() && numbers->heap.stats().conserved() ? 0 : 1;
}

static int run(const char* path) {
  const File::Opened opened = File::open(path);
  if (!opened.ok()) return std::fprintf(stderr, "%s\n", sentence(opened.fault)), 1;
  const int outcome = opened.file->root() == nullptr ? write_list(*opened.file) : walk_list(*opened.file);
  File::close(opened.file);
  return outcome;
}

int main(int count, char** arguments) {
  if (count > 1) return run(arguments[1]);
  char path[] = "/tmp/basalt_mapped_file.XXXXXX";
  const int empty = ::mkstemp(path);
  if (empty < 0) return 1;
  ::close(empty);
  const int outcome = run(path) != 0 || run(path) != 0 ? 1 : 0;
  std::remove(path);
  return outcome;
}
