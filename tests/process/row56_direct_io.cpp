// Row 56: the system may write into a block at any time when it was told so: reads past the page cache, and buffers that
// io_uring has pinned. Neighbours are freed and purges asked for meanwhile; the block's pages are not exchanged, and what
// was read is there.
// runs: preload global static
#include <fcntl.h>
#include <linux/io_uring.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <atomic>
#include <thread>

#include "support/process.hpp"

namespace {

constexpr std::size_t piece = 4096;
constexpr std::size_t pieces = 64;
constexpr std::size_t alignments[] = {512, 4096};

[[nodiscard]] unsigned char* aligned(std::size_t alignment, std::size_t size) {
  void* block = nullptr;
  CHECK(::posix_memalign(&block, alignment, size) == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
  return static_cast<unsigned char*>(block);
}

[[nodiscard]] unsigned char mark_of(std::size_t i) { return static_cast<unsigned char>(i + 1); }

void must_hold(const unsigned char* block, std::size_t i) {
  CHECK(block[0] == mark_of(i) && std::memcmp(block, block + 1, piece - 1) == 0);
}

// A file of `pieces` pieces, each filled with its mark; it has no name.
[[nodiscard]] int file_of_pieces() {
  char path[] = "/var/tmp/basalt-row56-XXXXXX";
  const int file = ::mkostemp(path, O_DIRECT | O_CLOEXEC);
  if (file < 0) process::skip("no O_DIRECT here");
  ::unlink(path);
  unsigned char* const block = aligned(4096, piece);
  for (std::size_t i = 0; i < pieces; ++i) {
    std::memset(block, mark_of(i), piece);
    if (::write(file, block, piece) != static_cast<ssize_t>(piece)) process::skip("no O_DIRECT here");
  }
  std::free(block);
  return file;
}

// What goes on around the blocks: neighbours come and go, and everything that is free goes back to the system.
void disturb(const std::atomic<bool>& stop) {
  process::Random random{56};
  while (!stop.load()) {
    unsigned char* neighbours[64];
    for (unsigned char*& each : neighbours) each = aligned(alignments[random.below(2)], piece);
    for (unsigned char* each : neighbours) std::memset(each, 0xEE, piece);
    for (unsigned char* each : neighbours) std::free(each);
    malloc_trim(0);
  }
}

// Blocks of one alignment, every other one of a row that was allocated at once: the rest of it is free.
void take(unsigned char* (&blocks)[pieces], std::size_t alignment) {
  unsigned char* between[pieces];
  for (std::size_t i = 0; i < pieces; ++i) {
    blocks[i] = aligned(alignment, piece);
    between[i] = aligned(alignment, piece);
  }
  for (unsigned char* each : between) std::free(each);
}

void read_directly(int file, std::size_t alignment) {
  unsigned char* blocks[pieces];
  take(blocks, alignment);
  for (int round = 0; round < process::times(4); ++round) {
    for (std::size_t i = 0; i < pieces; ++i)
      CHECK(::pread(file, blocks[i], piece, static_cast<off_t>(i * piece)) == static_cast<ssize_t>(piece));
    for (std::size_t i = 0; i < pieces; ++i) must_hold(blocks[i], i);
    for (unsigned char* block : blocks) std::memset(block, 0, piece);
  }
  for (unsigned char* block : blocks) std::free(block);
}

// The least of io_uring: one request at a time.
class Ring {
 public:
  Ring() {
    io_uring_params wish{};
    file_ = static_cast<int>(::syscall(SYS_io_uring_setup, 4, &wish));
    if (file_ < 0) return;
    rings_ = map(wish.cq_off.cqes + wish.cq_entries * sizeof(io_uring_cqe), IORING_OFF_SQ_RING);
    entries_ = static_cast<io_uring_sqe*>(map(wish.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    layout_ = wish;
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (there()) ::close(file_);
  }

  // Old kernels have two mappings instead of one, and many a container forbids io_uring.
  [[nodiscard]] bool there() const { return file_ >= 0 && (layout_.features & IORING_FEAT_SINGLE_MMAP) != 0; }

  [[nodiscard]] bool pin(const iovec* buffers, unsigned count) {
    return ::syscall(SYS_io_uring_register, file_, IORING_REGISTER_BUFFERS, buffers, count) == 0;
  }

  // Returns: the bytes that were read from `from`, at `offset`, into the pinned buffer `index`.
  [[nodiscard]] int read_fixed(int from, std::size_t index, const iovec& buffer, std::size_t offset) {
    const unsigned tail = *at(layout_.sq_off.tail);
    const unsigned slot = tail & *at(layout_.sq_off.ring_mask);
    io_uring_sqe& entry = entries_[slot];
    entry = {};
    entry.opcode = IORING_OP_READ_FIXED;
    entry.fd = from;
    entry.off = offset;
    entry.addr = reinterpret_cast<std::uintptr_t>(buffer.iov_base);
    entry.len = static_cast<unsigned>(buffer.iov_len);
    entry.buf_index = static_cast<std::uint16_t>(index);
    at(layout_.sq_off.array)[slot] = slot;
    __atomic_store_n(at(layout_.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    CHECK(::syscall(SYS_io_uring_enter, file_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) == 1);
    const unsigned head = *at(layout_.cq_off.head);
    CHECK(__atomic_load_n(at(layout_.cq_off.tail), __ATOMIC_ACQUIRE) != head);
    const auto* const done =
        reinterpret_cast<const io_uring_cqe*>(static_cast<char*>(rings_) + layout_.cq_off.cqes);
    const int result = done[head & *at(layout_.cq_off.ring_mask)].res;
    __atomic_store_n(at(layout_.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return result;
  }

 private:
  [[nodiscard]] void* map(std::size_t size, off_t offset) const {
    void* const place = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_, offset);
    CHECK(place != MAP_FAILED);
    return place;
  }

  [[nodiscard]] unsigned* at(unsigned offset) const {
    return reinterpret_cast<unsigned*>(static_cast<char*>(rings_) + offset);
  }

  int file_;
  void* rings_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
  io_uring_params layout_{};
};

void read_into_pinned(int file) {
  Ring ring;
  unsigned char* blocks[pieces];
  take(blocks, 4096);
  iovec buffers[pieces];
  for (std::size_t i = 0; i < pieces; ++i) buffers[i] = {blocks[i], piece};
  if (!ring.there() || !ring.pin(buffers, pieces)) {
    std::fprintf(stderr, "no io_uring here\n");
  } else {
    for (int round = 0; round < process::times(4); ++round) {
      for (unsigned char* block : blocks) std::memset(block, 0, piece);
      for (std::size_t i = 0; i < pieces; ++i)
        CHECK(ring.read_fixed(file, i, buffers[i], i * piece) == static_cast<int>(piece));
      for (std::size_t i = 0; i < pieces; ++i) must_hold(blocks[i], i);
    }
  }
  for (unsigned char* block : blocks) std::free(block);
}

}  // namespace

int main() {
  process::must_be_ours();
  const int file = file_of_pieces();
  std::atomic<bool> stop{false};
  std::thread other{[&] { disturb(stop); }};
  for (const std::size_t alignment : alignments) read_directly(file, alignment);
  read_into_pinned(file);
  stop = true;
  other.join();
  ::close(file);
  process::heap_must_be_valid();
}
