#include "compile.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "record/live_map.hpp"
#include "script.hpp"

namespace basalt::replay {

namespace {

using record::LiveMap;
using trace::Event;
using trace::Op;

constexpr std::uint64_t most_samples = 200;

[[nodiscard]] bool is_operation(Op op) { return trace::begins_block(op) || op == Op::free; }

// The script's file, of which each lane fills a part of its own. Little of it is held: a script is as long as the trace has events.
class ScriptFile {
 public:
  // `counts` says how much each lane has room for.
  ScriptFile(const std::string& path, const std::vector<std::uint64_t>& counts)
      : path_{path},
        threads_(counts.size()),
        waiting_(counts.size()),
        file_{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)} {
    std::uint64_t first = 0;
    for (std::size_t lane = 0; lane != counts.size(); ++lane) {
      threads_[lane].first = first;
      first += counts[lane];
    }
    const int error = file_ < 0 ? errno : ::posix_fallocate(file_, 0, static_cast<off_t>(place_of(first)));
    if (error == 0) return;
    if (file_ >= 0) ::close(file_);
    fail(error);
  }
  ~ScriptFile() { ::close(file_); }
  ScriptFile(const ScriptFile&) = delete;
  ScriptFile& operator=(const ScriptFile&) = delete;

  void add(std::size_t lane, const ScriptOp& op) {
    waiting_[lane].push_back(op);
    if (waiting_[lane].size() == most_waiting) write_out(lane);
  }

  // Effects: the script is whole.
  void finish(ScriptHead head) {
    for (std::size_t lane = 0; lane != threads_.size(); ++lane) write_out(lane);
    write(&head, sizeof head, 0);
    write(threads_.data(), threads_.size() * sizeof(ScriptThread), sizeof head);
  }

 private:
  static constexpr std::size_t most_waiting = 4096;  // operations of a lane

  [[nodiscard]] std::uint64_t place_of(std::uint64_t operation) const {
    return sizeof(ScriptHead) + threads_.size() * sizeof(ScriptThread) + operation * sizeof(ScriptOp);
  }

  void write_out(std::size_t lane) {
    std::vector<ScriptOp>& ops = waiting_[lane];
    write(ops.data(), ops.size() * sizeof(ScriptOp), place_of(threads_[lane].first + threads_[lane].count));
    threads_[lane].count += ops.size();
    ops.clear();
  }

  void write(const void* bytes, std::size_t size, std::uint64_t offset) const {
    const auto* at = static_cast<const std::byte*>(bytes);
    for (ssize_t done = 0; size != 0;
         at += done, offset += static_cast<std::uint64_t>(done), size -= static_cast<std::size_t>(done)) {
      done = ::pwrite(file_, at, size, static_cast<off_t>(offset));
      if (done < 0 && errno != EINTR) fail(errno);
      done = std::max<ssize_t>(done, 0);
    }
  }

  [[noreturn]] void fail(int error) const {
    throw std::runtime_error("the script cannot be written to " + path_ + ": " + std::strerror(error));
  }

  std::string path_;
  std::vector<ScriptThread> threads_;
  std::vector<std::vector<ScriptOp>> waiting_;  // by lane
  int file_;
};

template <class Use>
void for_each(trace::Reader& reader, Use use) {
  std::vector<Event> events;
  for (std::size_t block = 0; block != reader.blocks() && reader.read(block, events); ++block) {
    std::uint64_t number = reader.summary(block).first_event;
    for (const Event& event : events) use(number++, event);
  }
}

// Which of the player's threads does what a thread of the trace did: one that began after another had ended may go on in its
// place, so that a program of a hundred thousand short threads is played by as many as lived at once.
class Lanes {
 public:
  explicit Lanes(Threads threads) : keep_{threads == Threads::keep} {}

  [[nodiscard]] std::size_t of(const Event& event) {
    if (!keep_) return 0;
    if (event.thread >= seats_.size()) seats_.resize(event.thread + std::size_t{1});
    Seat& seat = seats_[event.thread];
    if (seat.lane == none) {
      if (idle_.empty()) idle_.push_back(count_++);
      seat.lane = idle_.back();
      idle_.pop_back();
    }
    const std::size_t lane = seat.lane;
    seat.over =
        seat.over ||
        event.op == Op::thread_end;  // destructors may still free something: each time it sits down anew
    if (seat.over) {
      idle_.push_back(lane);
      seat.lane = none;
    }
    return lane;
  }

 private:
  static constexpr std::size_t none = SIZE_MAX;
  struct Seat {
    std::size_t lane = none;
    bool over = false;
  };
  bool keep_;
  std::vector<Seat> seats_;  // by thread
  std::vector<std::size_t> idle_;
  std::size_t count_ = 0;
};

// The first pass: how much each thread does, and where the memory is to be looked at.
class Survey {
 public:
  Survey(trace::Reader& reader, Threads threads, const std::function<void(std::uint64_t)>& progress)
      : lanes_{threads} {
    const std::uint64_t step = std::max<std::uint64_t>(1, reader.totals().events / most_samples);
    for_each(reader, [&](std::uint64_t number, const Event& event) {
      if (number % 65'536 == 0) progress(number);
      count(event);
      if (bytes_ > peak_bytes_) peak_bytes_ = bytes_, peak_ = {number, bytes_, live_.size()};
      if (number % step == step - 1) points_.push_back({number, bytes_, live_.size()});
    });
    const auto place =
        std::lower_bound(points_.begin(), points_.end(), peak_.event,
                         [](const SamplePoint& point, std::uint64_t event) { return point.event < event; });
    peak_index_ = static_cast<std::size_t>(place - points_.begin());
    if (place == points_.end() || place->event != peak_.event) points_.insert(place, peak_);
  }

  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }
  [[nodiscard]] const std::vector<SamplePoint>& points() const { return points_; }
  [[nodiscard]] std::size_t peak_index() const { return peak_index_; }
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

 private:
  void count(const Event& event) {
    skipped_ += event.op == Op::free_unknown ? 1 : 0;
    if (trace::ends_block(event.op)) {
      if (const auto ended = live_.take((event.ended + 1) << 4)) bytes_ -= ended->size;
    }
    if (trace::begins_block(event.op)) {
      live_.put((event.block + 1) << 4, {event.block, event.size});
      bytes_ += event.size;
    }
    const std::size_t lane = lanes_.of(event);
    if (lane >= counts_.size()) counts_.resize(lane + 1);
    if (is_operation(event.op)) ++counts_[lane];
  }

  Lanes lanes_;
  std::vector<std::uint64_t> counts_{0};  // by lane
  std::vector<SamplePoint> points_;
  SamplePoint peak_;
  std::size_t peak_index_ = 0;
  LiveMap live_;
  std::uint64_t bytes_ = 0, peak_bytes_ = 0, skipped_ = 0;
};

// The second pass: slots are given out.
class Slots {
 public:
  explicit Slots(std::size_t lanes) : free_(lanes) {}

  // Returns: the slot of a block that begins, with its generation.
  record::LiveBlock take(std::size_t lane, std::uint64_t block) {
    record::LiveBlock place{count_, 0};
    if (auto& own = free_[lane]; !own.empty()) {
      place = {own.back().number, own.back().size + 1};
      own.pop_back();
    } else {
      ++count_;
    }
    live_.put((block + 1) << 4, place);
    return place;
  }

  // Returns: those of a block that ends.
  record::LiveBlock end(std::size_t lane, std::uint64_t block) {
    const record::LiveBlock place = live_.take((block + 1) << 4).value_or(record::LiveBlock{});
    free_[lane].push_back(place);
    return place;
  }

  // Returns: those of one that ends and goes on as another: the same slot.
  record::LiveBlock move(std::uint64_t ended, std::uint64_t begun) {
    record::LiveBlock place = live_.take((ended + 1) << 4).value_or(record::LiveBlock{});
    ++place.size;
    live_.put((begun + 1) << 4, place);
    return place;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  std::vector<std::vector<record::LiveBlock>> free_;  // by lane; `size` is the generation
  LiveMap live_;
  std::uint64_t count_ = 0;
};

[[nodiscard]] ScriptOp op_of(const Event& event, std::size_t lane, Slots& slots) {
  ScriptOp op;
  record::LiveBlock place;
  if (event.op == Op::free) {
    place = slots.end(lane, event.ended);
    op.what = Do::free;
  } else if (event.op == Op::reallocate) {
    place = slots.move(event.ended, event.block);
    op.what = Do::reallocate;
  } else {
    place = slots.take(lane, event.block);
    op.what = event.op == Op::allocate          ? Do::allocate
              : event.op == Op::allocate_zeroed ? Do::allocate_zeroed
                                                : Do::allocate_aligned;
  }
  op.slot = static_cast<std::uint32_t>(place.number);
  op.generation = static_cast<std::uint16_t>(place.size);
  op.alignment_log2 = event.alignment_log2;
  op.size = trace::begins_block(event.op) ? event.size : 0;
  return op;
}

[[nodiscard]] ScriptOp sample_of(std::size_t index) {
  ScriptOp op;
  op.what = Do::sample;
  op.slot = static_cast<std::uint32_t>(index);
  return op;
}

}  // namespace

Script compile(trace::Reader& reader, const std::string& path, Threads threads,
               const std::function<void(std::uint64_t)>& progress) {
  const Survey survey{reader, threads, progress};
  const std::uint64_t samples = survey.points().size();
  const std::size_t count = survey.counts().size();
  std::uint64_t all = 0;
  std::vector<std::uint64_t> room = survey.counts();
  for (std::uint64_t& operations : room) {
    all += operations;
    operations += samples;
  }
  ScriptFile file{path, room};
  Slots slots{count};
  std::size_t sample = 0;
  Lanes lanes{threads};
  for_each(reader, [&](std::uint64_t number, const Event& event) {
    if (number % 65'536 == 0) progress(reader.totals().events + number);
    const std::size_t lane = lanes.of(event);
    if (is_operation(event.op)) file.add(lane, op_of(event, lane, slots));
    if (sample == samples || survey.points()[sample].event != number) return;
    for (std::size_t each = 0; each != count; ++each) file.add(each, sample_of(sample));
    ++sample;
  });
  ScriptHead head;
  head.threads = count, head.slots = slots.count(), head.samples = samples, head.operations = all;
  file.finish(head);
  return {all, count, slots.count(), survey.skipped(), survey.points(), survey.peak_index()};
}

}  // namespace basalt::replay
