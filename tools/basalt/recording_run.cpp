#include "recording_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

#include "child.hpp"
#include "console.hpp"
#include "signals.hpp"

namespace basalt::tool {

namespace {

namespace fs = std::filesystem;
using observe::Wish;
using record::Collector;
using Duration = std::chrono::steady_clock::duration;

// Returns: whether the ring of one process would fit.
[[nodiscard]] bool has_room(const std::string& place) {
  struct statvfs facts {};
  return ::access(place.c_str(), W_OK) == 0 && ::statvfs(place.c_str(), &facts) == 0 &&
         facts.f_bavail >= observe::RecordingHead::file_bytes / facts.f_frsize + 1;
}

// A folder in memory if there is room in one: what is written there does not have to be.
class Folder {
 public:
  Folder() {
    const char* const wish = std::getenv("TMPDIR");
    const std::string second = wish == nullptr ? "/tmp" : wish;
    const std::string place = has_room("/dev/shm") ? "/dev/shm" : second;
    path_ = place + "/basalt-XXXXXX";
    if (!has_room(place) || ::mkdtemp(path_.data()) == nullptr)
      throw UserError(fmt::format("there is no room for 8 MiB to record in, in /dev/shm or in {}", second),
                      "set TMPDIR to a folder that can be written to and has more room");
    passing_ = std::make_unique<Passing>(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::unique_ptr<Passing> passing_;
};

[[nodiscard]] bool runs(std::uint32_t pid) {
  std::ifstream file{fmt::format("/proc/{}/stat", pid)};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] != 'Z';
}

// Returns: as it was executed; nothing if it does not run any more.
[[nodiscard]] std::vector<std::string> command_of(std::uint32_t pid) {
  std::ifstream file{fmt::format("/proc/{}/cmdline", pid)};
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

// What a process runs when its recording is found.
enum class Now : std::uint8_t { itself, another_program };

// Returns: libunwind's library, where Debian and others have it.  Throws: UserError.
[[nodiscard]] std::string unwinder_path() {
  for (const char* const folder :
       {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"}) {
    std::string path = std::string{folder} + "/libunwind.so.8";
    if (fs::exists(path)) return path;
  }
  throw UserError("libunwind.so.8 is not installed",
                  "install it (Debian: libunwind8), or record with --unwind fp");
}

// Every process that is recorded, the first one by the name that was wished.
class Session {
 public:
  explicit Session(const RecordingWishes& wishes) : wishes_{wishes}, clock_{record::Clock::measured()} {}

  [[nodiscard]] Started started() const {
    std::uint32_t bits = wishes_.children ? static_cast<std::uint32_t>(Wish::children) : 0;
    if (wishes_.columns.stacks) bits |= static_cast<std::uint32_t>(Wish::stacks);
    if (wishes_.unwinder) bits |= static_cast<std::uint32_t>(Wish::unwinder);
    if (wishes_.columns.times) bits |= static_cast<std::uint32_t>(Wish::times);
    return {wishes_.command,
            library_path("basalt-recorded") + (wishes_.unwinder ? ":" + unwinder_path() : ""),
            {{"BASALT_RECORD", folder_.path()}, {"BASALT_RECORD_WISHES", std::to_string(bits)}},
            "BASALT_RECORD_PID"};
  }

  // Effects: takes what is there from all.  Returns: whether there was anything.
  bool drain() {
    bool any = false;
    for (auto& [pid, collector] : running_) any = collector->drain() != 0 || any;
    return any;
  }

  // Effects: processes that have begun to record are taken on, and those that have ended are closed.
  void look_around(pid_t first) {
    std::map<std::string, fs::path> found;  // a process's programs in the order in which it executed them
    for (const auto& entry : fs::directory_iterator{folder_.path()}) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(observe::refused_recording)) {
        learn_refusal(name);
      } else {
        found[name] = entry.path();
      }
    }
    for (auto next = found.begin(); next != found.end();) {
      const auto one = next++;
      const bool went_on = next != found.end() && pid_in(next->second) == pid_in(one->second);
      open(one->second.string(), first, went_on ? Now::another_program : Now::itself);
    }
    std::vector<std::uint32_t> gone;
    for (const auto& [pid, collector] : running_) {
      if (static_cast<pid_t>(pid) != first && !runs(pid)) gone.push_back(pid);
    }
    for (const std::uint32_t pid : gone) close(pid);
  }

  void close_all() {
    while (!running_.empty()) close(running_.begin()->first);
  }

  // Returns: why nothing was recorded, if nothing was.
  [[nodiscard]] std::string refusal() const {
    return refusal_.empty() ? "the program did not load the recorder" : refusal_;
  }

  [[nodiscard]] std::vector<std::unique_ptr<Collector>> take() {
    std::stable_partition(finished_.begin(), finished_.end(),
                          [this](const auto& one) { return one->path() == wishes_.path; });
    return std::move(finished_);
  }

 private:
  // The name ends with how many programs the process executed before.
  void open(const std::string& recording, pid_t first, Now now) {
    const std::uint32_t pid = pid_in(recording);
    if (running_.contains(pid)) close(pid);
    const bool is_first = static_cast<pid_t>(pid) == first;
    const bool alone = is_first && !wishes_.children;  // if it went on as another program, that one is meant
    record::Plan plan{wishes_.path, wishes_.command, wishes_.columns, wishes_.most_bytes, wishes_.last_ns};
    if (!alone && (!is_first || !finished_.empty())) {
      plan.path = path_of(pid);
      plan.command = now == Now::itself ? command_of(pid) : std::vector<std::string>{};
    }
    auto collector = Collector::open(recording, plan, clock_);
    if (collector == nullptr) return;  // not yet
    std::erase_if(finished_, [&](const auto& one) { return alone || one->path() == plan.path; });
    running_[pid] = std::move(collector);
  }

  // The name is a process, a reason as an errno, and the end.
  void learn_refusal(const std::string& name) {
    const int reason = std::atoi(name.c_str() + name.find('.') + 1);
    refusal_ = reason == EFBIG
                   ? "the program may not have a file of 8.25 MiB, which the recorder needs (ulimit -f)"
                   : fmt::format("the recorder had no room in {}: {}", folder_.path(), std::strerror(reason));
  }

  [[nodiscard]] static std::uint32_t pid_in(const fs::path& recording) {
    return static_cast<std::uint32_t>(std::strtoul(recording.filename().c_str(), nullptr, 10));
  }

  [[nodiscard]] std::string path_of(std::uint32_t pid) const {
    constexpr std::string_view end = ".trace";
    const std::string& first = wishes_.path;
    return fmt::format("{}.{}{}", first.ends_with(end) ? first.substr(0, first.size() - end.size()) : first,
                       pid, end);
  }

  void close(std::uint32_t pid) {
    running_[pid]->finish();
    finished_.push_back(std::move(running_[pid]));
    running_.erase(pid);
  }

  const RecordingWishes& wishes_;
  Folder folder_;
  record::Clock clock_;
  std::map<std::uint32_t, std::unique_ptr<Collector>> running_;
  std::vector<std::unique_ptr<Collector>> finished_;
  std::string refusal_;
};

// Returns: the program's status. The pause grows while nothing comes, and is short against the time in which a ring fills.
int follow(Session& session, Child& child) {
  using namespace std::chrono_literals;
  constexpr Duration shortest = 100us, longest = 2ms, between_looks = 5ms;
  Duration pause = shortest;
  auto looked = std::chrono::steady_clock::time_point{};
  for (;;) {
    const bool over = child.ended().has_value();
    const auto now = std::chrono::steady_clock::now();
    if (over || now - looked > between_looks) {
      session.look_around(child.pid());
      looked = now;
    }
    if (over) break;
    pause = session.drain() ? shortest : std::min(longest, pause * 2);
    std::this_thread::sleep_for(pause);
  }
  session.close_all();
  return child.wait();
}

// Effects: none that lasts: what is there stays as it is until a program has begun to record.
// Returns: why the file could not be written; 0: it could.
[[nodiscard]] int why_not_writable(const std::string& path) {
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) return ::close(file), ::unlink(path.c_str()), 0;
  if (errno != EEXIST) return errno;
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return 0;  // a link to what is not there yet
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))
    return ::access(path.c_str(), W_OK) == 0 ? 0 : errno;
  file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  return ::close(file), 0;
}

}  // namespace

Recorded record_run(const RecordingWishes& wishes) {
  if (const int error = why_not_writable(wishes.path); error != 0)
    throw UserError(fmt::format("{} cannot be written: {}", wishes.path, std::strerror(error)),
                    "name another file with -o");
  const auto begin = std::chrono::steady_clock::now();
  Session session{wishes};
  Child child{session.started()};
  Recorded recorded;
  recorded.status = follow(session, child);
  recorded.ending = child.ending();
  recorded.had_children = child.had_children();
  recorded.collectors = session.take();
  recorded.passed = std::chrono::steady_clock::now() - begin;
  if (recorded.collectors.empty()) recorded.refusal = session.refusal();
  return recorded;
}

}  // namespace basalt::tool
