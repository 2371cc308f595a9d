// Reads what a program records, as it does so, and writes the trace.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "live_map.hpp"
#include "observe/recording.hpp"
#include "trace/writer.hpp"

namespace basalt::record {

// How the clock of recorded programs relates to time.
struct Clock {
  std::uint64_t first_tick = 0;
  double ns_per_tick = 1;

  // Returns: one that begins now. Takes some milliseconds.
  [[nodiscard]] static Clock measured();
};

struct Plan {
  std::string path;                  // of the trace
  std::vector<std::string> command;  // empty: the file that was executed, as far as can be seen
  trace::Columns columns;
  std::uint64_t most_bytes = UINT64_MAX;
  std::uint64_t last_ns = 0;  // only so much of the end is wanted, or up to twice that; 0: everything
};

// One process, from the moment it begins to record to its end, or until it executes another program.
class Collector {
 public:
  // Returns: nullptr if there is no recording in that file yet. The file is removed once it is mapped.
  [[nodiscard]] static std::unique_ptr<Collector> open(const std::string& recording, const Plan& plan,
                                                       const Clock& clock);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  [[nodiscard]] std::uint32_t pid() const noexcept { return head_.pid; }

  // Effects: takes what is there. Returns: how many records.
  std::uint64_t drain();

  // Effects: takes the rest, past what a thread that was killed left undone, and ends the trace.
  // Requires: nobody writes any more.
  void finish();

  [[nodiscard]] const trace::Writer& writer() const noexcept { return *tracks_.front().writer; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<std::string>& command() const noexcept { return plan_.command; }
  [[nodiscard]] trace::Ending ending() const noexcept { return ending_; }

 private:
  struct Moving;  // a block that is being resized

  // A trace that is being written. If only the end is wanted there are two, the second begun when the first was as long as that;
  // when the second is, too, the first goes. Each begins with what was live.
  struct Track {
    std::unique_ptr<trace::Writer> writer;
    std::size_t slot = 0;  // of Living::numbers
    std::uint64_t begun_ns = 0;
    std::size_t calls_written = 1;
    std::size_t modules_written = 0;
    std::uint64_t bytes_seen = 0;  // of the file, when its tables were last looked after
  };
  struct Living {
    std::array<std::uint64_t, 2> numbers{};  // in each track
    std::uint64_t size = 0;
    std::uint32_t stack = 0;
    std::uint32_t thread = 0;
  };

  using Taken = observe::RecordContents;

  Collector(observe::RecordingHead& head, const Plan& plan, const Clock& clock);

  [[nodiscard]] bool drain_batch();
  [[nodiscard]] bool take(std::uint64_t number, Taken& taken) const;
  [[nodiscard]] bool know_stack(const Taken& taken);
  void look_for(std::uint32_t stack);
  [[nodiscard]] std::uint64_t learn_stack(std::uint64_t number, const Taken& taken);
  void drop_own_calls(std::vector<std::uint64_t>& addresses) const;
  void handle(const Taken& taken);
  void begin_block(const Taken& taken, trace::Event event);
  void end_block(const Taken& taken);
  void begin_resizing(const Taken& taken);
  void end_resizing(const Taken& taken);
  [[nodiscard]] trace::Event event_of(const Taken& taken, trace::Op op) const;
  void look_at_modules();
  void write_tables(Track& track);
  void begin_track(std::size_t slot);
  void change_tracks();
  [[nodiscard]] Living begun(trace::Event event, const Living* ended = nullptr);
  void ended(trace::Event event, const Living& block);
  void append(const trace::Event& event);
  void stop_if_full();
  void flush_what_waits();
  void advance(std::uint64_t number);

  observe::RecordingHead& head_;
  const Clock clock_;
  Plan plan_;
  std::string path_;
  trace::Columns columns_;
  std::vector<Track> tracks_;  // the older one first
  trace::Ending ending_ = trace::Ending::complete;
  bool stopped_ = false;
  std::uint64_t next_ = 0;      // the number of the record to take
  std::uint64_t patience_ = 0;  // how often the record's stack was looked for
  std::uint64_t now_ticks_ = 0;
  std::uint64_t flushed_ns_ = 0;
  BlockMap<Living> live_;
  std::unordered_map<std::uint32_t, Moving> moving_;  // by thread
  std::vector<std::uint32_t> stacks_;  // the program's numbers to those of the trace; 0: not told yet
  std::unordered_map<std::uint64_t, std::uint32_t> call_numbers_;  // by a hash of parent and address
  std::vector<trace::Call> calls_{trace::Call{}};
  std::vector<trace::Module> modules_;
  bool modules_stale_ = false;
};

}  // namespace basalt::record
