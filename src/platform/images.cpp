#include "images.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "raw_os.hpp"

namespace basalt {

namespace {

struct Found {
  Image* images;
  std::size_t most;
  std::size_t count;
  std::size_t objects;
};

void copy_path(Image& image, const char* name, bool is_program) noexcept {
  if (is_program) {
    const ssize_t size = ::readlink("/proc/self/exe", image.path, Image::longest_path);
    image.path[size > 0 ? size : 0] = '\0';
    if (size > 0) return;
  }
  const std::size_t size = ::strnlen(name, Image::longest_path);
  std::memcpy(image.path, name, size);
  image.path[size] = '\0';
}

// Notes are words: the lengths of a name and of a description, a type, and then both, each filled up to whole words.
void find_build_id(Image& image, const std::byte* note, std::size_t size) noexcept {
  ElfW(Nhdr) head;
  while (size >= sizeof head) {
    std::memcpy(&head, note, sizeof head);
    const std::size_t name = align_up(std::size_t{head.n_namesz}, 4);
    const std::size_t all = sizeof head + name + align_up(std::size_t{head.n_descsz}, 4);
    if (all > size) return;
    const bool gnu = head.n_namesz == 4 && std::memcmp(note + sizeof head, "GNU", 4) == 0;
    if (gnu && head.n_type == NT_GNU_BUILD_ID && head.n_descsz <= Image::longest_id) {
      for (std::size_t i = 0; i < head.n_descsz; ++i) {
        const auto byte = static_cast<unsigned>(note[sizeof head + name + i]);
        image.build_id[2 * i] = "0123456789abcdef"[byte >> 4];
        image.build_id[2 * i + 1] = "0123456789abcdef"[byte & 15];
      }
      return;
    }
    note += all;
    size -= all;
  }
}

int add_object(dl_phdr_info* object, std::size_t, void* context) noexcept {
  auto& found = *static_cast<Found*>(context);
  const bool is_program = found.objects++ == 0;
  const std::uintptr_t page = RawOs::page_size();
  for (std::size_t i = 0; i < object->dlpi_phnum && found.count < found.most; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    Image& image = *::new (static_cast<void*>(&found.images[found.count++])) Image;
    const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    image.begin = begin & ~(page - 1);
    image.end = (begin + part.p_memsz + page - 1) & ~(page - 1);
    image.file_offset = part.p_offset & ~(page - 1);
    copy_path(image, object->dlpi_name, is_program);
    for (std::size_t n = 0; n < object->dlpi_phnum; ++n) {
      const ElfW(Phdr)& note = object->dlpi_phdr[n];
      if (note.p_type == PT_NOTE && image.build_id[0] == '\0')
        find_build_id(image, reinterpret_cast<const std::byte*>(object->dlpi_addr + note.p_vaddr),
                      note.p_memsz);
    }
  }
  return 0;
}

[[nodiscard]] std::uint64_t nanoseconds(clockid_t clock) noexcept {
  timespec now{};
  (void)::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::size_t find_images(Image* images, std::size_t most) noexcept {
  Found found{images, most, 0, 0};
  (void)::dl_iterate_phdr(add_object, &found);
  return found.count;
}

std::uint64_t wall_nanoseconds() noexcept { return nanoseconds(CLOCK_REALTIME); }
std::uint64_t steady_nanoseconds() noexcept { return nanoseconds(CLOCK_MONOTONIC); }

}  // namespace basalt
