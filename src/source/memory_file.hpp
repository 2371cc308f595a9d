// A heap that outlives its process: memory that is a file, always mapped at the same address.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "../platform/os.hpp"
#include "heap_grower.hpp"

namespace basalt {

// Why a file could not be opened as a heap.
enum class FileFault { none, not_a_heap, other_version, truncated, place_taken, refused_by_system };

[[nodiscard]] constexpr const char* sentence(FileFault fault) noexcept {
  switch (fault) {
    case FileFault::none:
      return "basalt: the memory file is open";
    case FileFault::not_a_heap:
      return "basalt: the file is not a Basalt memory file, or its header is damaged";
    case FileFault::other_version:
      return "basalt: the memory file was written by another version or machine";
    case FileFault::truncated:
      return "basalt: the memory file is shorter than the heap in it";
    case FileFault::place_taken:
      return "basalt: something else lies where the memory file must be mapped";
    case FileFault::refused_by_system:
      return "basalt: the system refused to open or map the memory file";
  }
  return "";
}

// Where a new memory file is to lie, in every process that will ever map it.
struct FileWindow {
  // Between the program and the libraries, where Linux puts nothing of its own accord on a machine with 47 bits of
  // address or more.
  std::byte* base = reinterpret_cast<std::byte*>(std::uintptr_t{0x2000'0000'0000});
  std::size_t bytes = GiB;  // of address space: how large the file can become
};

// A grower whose memory is a file. The object itself lies in the file's first page:
//
//      base                                base + page       base + size               base + window
//      v                                   v                 v                         v
//      +----------------+------------------+-----------------+-------------------------+
//      | this object    |  room()          |  what was grown |  mapped, not yet there  |
//      +----------------+------------------+-----------------+-------------------------+
//      |<------------------- the file ---------------------->|
//
// Since it is mapped at `base` in every process, pointers inside it stay true. A heap that is to be walked later puts
// its own state, such as a RawAlloc<Borrowed<MemoryFile<…>>>, into `room()`, and a root for its data.
//
// The whole window is mapped at once: address space is all that costs, nobody else can get in between, and growing is
// only making the file longer. One process has the file open at a time; that is for its users to see to.
//
// Law: page <= size <= window; the file has at least `size` bytes; `root` is null or lies below base + size.
template <Os System>
class MemoryFile {
 public:
  struct Opened {
    MemoryFile* file = nullptr;  // not null exactly if `fault` is none
    FileFault fault = FileFault::none;
    Error error{};  // what the system said, if it is the system that refused

    [[nodiscard]] bool ok() const noexcept { return fault == FileFault::none; }
  };

  // Effects: opens the file at `path`, or one without a name (a memfd) for nullptr. A file that is new or empty becomes
  // a memory file in `window`, or where the kernel chooses if that is taken; any other must be one, and is mapped
  // where it lay before. A file that is refused is not changed.
  [[nodiscard]] static Opened open(const char* path, FileWindow window = {}) noexcept {
    const Result<int> file = System::open_file(path);
    if (!file.ok()) return refused(file.error);
    const Result<std::size_t> length = System::file_size(file.value);
    const Opened opened = !length.ok()        ? refused(length.error)
                          : length.value == 0 ? create(file.value, window)
                                              : reopen(file.value, length.value);
    if (!opened.ok()) System::close_file(file.value);
    return opened;
  }

  // Effects: unmaps everything, the object itself included; the file keeps what was written.
  static void close(MemoryFile* file) noexcept {
    const Header header = file->header_;
    (void)System::unmap({header.base, header.window});  // cannot fail: it is one mapping and goes whole
    System::close_file(header.descriptor);
  }

  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::size_t page_size() const noexcept { return header_.page; }

  // Whole pages, always contiguous with those before.
  // Errors: ENOMEM when the window is full; what the system says when the file cannot grow. A file system that has no
  // room left says so only when a page is first written, by SIGBUS, as for every mapped file.
  [[nodiscard]] Result<Range> grow(std::size_t bytes) noexcept {
    const std::size_t size = align_up(bytes, header_.page);
    if (size > header_.window - header_.size) return Result<Range>::failure(out_of_memory);
    if (size == 0) return Result<Range>::success({});
    const Error error = System::resize_file(header_.descriptor, header_.size + size);
    if (error) return Result<Range>::failure(error);
    const Range growth{header_.base + header_.size, size};
    header_.size += size;
    return Result<Range>::success(growth);
  }

  [[nodiscard]] Result<Range> extend(std::byte* end, std::size_t bytes) noexcept {
    return end == header_.base + header_.size ? grow(bytes) : Result<Range>::failure(out_of_memory);
  }

  [[nodiscard]] bool owns(Range range) const noexcept {
    return Range{header_.base, header_.size}.after(header_.page).contains(range);
  }

  // Returns: the rest of the first page, aligned to 16; zero in a new file. For whoever uses the file.
  [[nodiscard]] Range room() noexcept {
    const std::size_t used = align_up(sizeof(MemoryFile), 16);
    return {header_.base + used, header_.page - used};
  }

  // The one pointer by which a later process finds everything else. Null in a new file.
  [[nodiscard]] void* root() const noexcept { return header_.root; }
  void set_root(void* root) noexcept { header_.root = root; }

  [[nodiscard]] Range range() const noexcept { return {header_.base, header_.size}; }
  [[nodiscard]] std::size_t pages() const noexcept {
    return header_.size / header_.page;
  }  // the first included

 private:
  struct Header {
    char magic[8];
    std::uint32_t version;
    std::uint32_t pointer_bytes;  // the machine's: the file is full of pointers
    std::byte* base;              // where the file is mapped
    std::size_t window;           // bytes of address space from there
    std::size_t size;             // bytes in use from there, this page included
    std::size_t page;  // the unit of growth in bytes: the page size of the machine that made the file
    void* root;
    int descriptor;  // of the process that has it open now; means nothing in a closed file
  };

  static constexpr char magic[8] = {'B', 'a', 's', 'a', 'l', 't', 'M', 'F'};
  static constexpr std::uint32_t version = 1;

  explicit MemoryFile(const Header& header) noexcept : header_{header} {}

  [[nodiscard]] static Opened refused(Error error) noexcept {
    return {nullptr, error == address_taken ? FileFault::place_taken : FileFault::refused_by_system, error};
  }

  [[nodiscard]] static Opened create(int descriptor, FileWindow wanted) noexcept {
    const std::size_t page = System::page_size();
    const std::size_t window = std::max(align_up(wanted.bytes, page), page);
    if (const Error error = System::resize_file(descriptor, page)) return refused(error);
    Result<std::byte*> base = System::map_file(wanted.base, window, descriptor);
    if (base.error == address_taken) base = System::map_file(nullptr, window, descriptor);
    if (!base.ok()) {
      (void)System::resize_file(descriptor, 0);  // empty again, so that the next attempt finds a new file
      return refused(base.error);
    }
    Header header{{}, version, sizeof(void*), base.value, window, page, page, nullptr, descriptor};
    std::memcpy(header.magic, magic, sizeof magic);
    return {::new (static_cast<void*>(base.value)) MemoryFile{header}};
  }

  [[nodiscard]] static Opened reopen(int descriptor, std::size_t length) noexcept {
    const std::size_t page = System::page_size();
    const Result<std::byte*> glance = System::map_file(nullptr, page, descriptor);
    if (!glance.ok()) return refused(glance.error);
    Header header;
    std::memcpy(&header, glance.value, sizeof header);  // what a short file lacks of a page reads as zero
    (void)System::unmap({glance.value, page});
    const FileFault fault = fault_in(header, length);
    if (fault != FileFault::none) return {nullptr, fault};
    const Result<std::byte*> base = System::map_file(header.base, header.window, descriptor);
    if (!base.ok()) return refused(base.error);
    auto* const file = std::launder(reinterpret_cast<MemoryFile*>(base.value));
    file->header_.descriptor = descriptor;
    return {file};
  }

  [[nodiscard]] static FileFault fault_in(const Header& header, std::size_t length) noexcept {
    if (std::memcmp(header.magic, magic, sizeof magic) != 0) return FileFault::not_a_heap;
    if (header.version != version || header.pointer_bytes != sizeof(void*)) return FileFault::other_version;
    if (!sound(header)) return FileFault::not_a_heap;
    return length < header.size ? FileFault::truncated : FileFault::none;
  }

  [[nodiscard]] static bool sound(const Header& header) noexcept {
    const auto whole = [&](std::size_t bytes) { return bytes != 0 && bytes % header.page == 0; };
    const Range used{header.base, header.size};
    return is_power_of_two(header.page) && header.page >= sizeof(MemoryFile) && whole(header.size) &&
           whole(header.window) && header.size <= header.window && header.window <= max_request &&
           header.base != nullptr && is_aligned(header.base, header.page) &&
           (header.root == nullptr || used.contains({static_cast<std::byte*>(header.root), 0}));
  }

  Header header_;
};

}  // namespace basalt
