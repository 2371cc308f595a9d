#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "child.hpp"
#include "commands.hpp"
#include "console.hpp"
#include "program_file.hpp"
#include "symbols/frame_pointers.hpp"

namespace basalt::tool {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Wishes {
  std::vector<std::string> command;
  bool as_json = false;
};

enum class Weight : std::uint8_t { fine, mind, stops };

struct Finding {
  Weight weight = Weight::fine;
  std::string what;
  std::string next;  // what to do
};

// Returns: the shared libraries that the dynamic linker would load, by asking it.
[[nodiscard]] std::vector<std::string> libraries_of(const std::string& path) {
  const std::string command =
      "LD_TRACE_LOADED_OBJECTS=1 LD_PRELOAD= " + shell_text({fs::absolute(path).string()}) +
      " 2>/dev/null </dev/null";
  std::vector<std::string> found;
  const std::unique_ptr<FILE, int (*)(FILE*)> lines{::popen(command.c_str(), "r"), ::pclose};
  std::array<char, 4096> line{};
  while (lines != nullptr && std::fgets(line.data(), line.size(), lines.get()) != nullptr) {
    const std::string text = line.data();
    const std::size_t begin = text.find('/'), end = text.find(" (0x");
    if (begin != std::string::npos && end != std::string::npos && end > begin)
      found.push_back(text.substr(begin, end - begin));
  }
  return found;
}

[[nodiscard]] bool brings_malloc(const std::set<std::string>& names) {
  constexpr std::array others{"je_malloc",       "mallocx",  "tc_malloc", "mi_malloc",
                              "scalable_malloc", "rpmalloc", "sn_malloc", "mi_version"};
  const bool whole = names.contains("malloc") && names.contains("free");
  return whole ||
         std::any_of(others.begin(), others.end(), [&](const char* name) { return names.contains(name); });
}

[[nodiscard]] bool is_libc_or_linker(const std::string& path) {
  const std::string file = fs::path{path}.filename().string();
  return file.starts_with("libc.so") || file.starts_with("ld-linux") || file.starts_with("libc.musl") ||
         file.starts_with("ld-musl");
}

constexpr const char* what_a_sandbox_needs =
    "the recorder needs openat, fallocate, mmap, getpid, futex and sched_yield";

class Examination {
 public:
  explicit Examination(const std::string& name) {
    std::string path = path_of(name);
    if (path.empty())
      throw CannotRun(name + " is not there", "give a path, or a name that is on PATH", not_found);
    if (const std::string interpreter = interpreter_of(path); !interpreter.empty()) {
      add(Weight::mind, fmt::format("{} is a script: what runs is {}", path, interpreter),
          "what it starts itself is seen only with --children");
      path = interpreter;
    }
    for (Obstacle& one : obstacles_of(path)) add(Weight::stops, std::move(one.what), std::move(one.next));
    look_at_file(path);
    look_around();
  }

  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

 private:
  void add(Weight weight, std::string what, std::string next) {
    findings_.push_back({weight, std::move(what), std::move(next)});
  }

  void look_at_file(const std::string& path) {
    const ProgramFile elf{path};
    if (!elf.ok())
      return add(Weight::stops, path + " is no program in the ELF format",
                 "name the program that interprets it");
    if (elf.word_bits() != 64 || !elf.asks_for_a_linker()) return;
    if (brings_malloc(elf.defined()))
      add(Weight::mind, path + " has an allocator of its own built in",
          "its own calls do not reach Basalt; build it without (for instance with the system's malloc)");
    if (const auto names = elf.wanted(); names.contains("dlopen") || names.contains("dlmopen"))
      add(Weight::fine, "it opens libraries while it runs",
          "those that it opens with RTLD_DEEPBIND, or by dlmopen, keep the system's malloc");
    if (elf.wanted().contains("seccomp_load"))
      add(Weight::mind, "it makes a sandbox for itself (seccomp)", what_a_sandbox_needs);
    const std::vector<std::string> libraries = libraries_of(path);
    for (const std::string& library : libraries) look_at_library(library);
    look_at_frames(path, libraries);
  }

  // Without frame pointers a stack ends at the first call, or lacks a caller.
  void look_at_frames(const std::string& path, const std::vector<std::string>& libraries) {
    const auto own = symbols::frame_pointers_of(path);
    const bool kept = own && own->share() > 0.5;
    if (own)
      add(kept ? Weight::fine : Weight::mind,
          fmt::format("its code {} the frame pointer ({} of {} functions do)",
                      kept ? "keeps" : "does not keep", own->kept, own->functions),
          kept
              ? "stacks lead through it"
              : "stacks are short: build it with -fno-omit-frame-pointer, or record with --unwind libunwind");
    std::string without;
    for (const std::string& library : libraries) {
      const auto found = symbols::frame_pointers_of(library);
      if (!found || found->share() > 0.5 || fs::path{library}.filename().string().starts_with("ld-"))
        continue;
      without += (without.empty() ? "" : ", ") + fs::path{library}.filename().string();
    }
    if (kept && !without.empty())
      add(Weight::fine, "libraries without frame pointers: " + without,
          "a stack that leads through them lacks callers; --unwind libunwind has them");
  }

  void look_at_library(const std::string& path) {
    const std::string file = fs::path{path}.filename().string();
    if (file.starts_with("libasan") || file.starts_with("libtsan") || file.starts_with("libmsan") ||
        file.starts_with("libclang_rt."))
      return add(Weight::stops,
                 fmt::format("it was built for a sanitizer ({}), which has an allocator of its own", file),
                 "use a build without");
    if (file.starts_with("libc.musl") || file.starts_with("ld-musl"))
      return add(Weight::stops, "it uses musl, and the library was built for glibc",
                 "build Basalt with musl-gcc, and link it");
    if (is_libc_or_linker(path)) return;
    const ProgramFile elf{path};
    if (elf.ok() && brings_malloc(elf.defined()))
      add(Weight::mind, fmt::format("{} is an allocator, or brings one", path),
          "what is preloaded comes first: that works, unless the library keeps its own for itself");
  }

  void look_around() {
    if (const char* const others = std::getenv("LD_PRELOAD"); others != nullptr && *others != '\0')
      add(Weight::mind, fmt::format("LD_PRELOAD already has {}", others),
          "Basalt is put in front of it; if it replaces malloc as well, it is not heard");
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Seccomp:") && line.back() == '2')
        add(Weight::mind, "this process is in a sandbox (seccomp)", what_a_sandbox_needs);
    }
    std::error_code error;
    const fs::space_info room = fs::space("/dev/shm", error);
    if (!error && room.available < (64U << 20))
      add(Weight::mind, fmt::format("/dev/shm has only {} left", bytes_text(room.available)),
          "a recording needs 8.3 MiB for each process: in a container, say --shm-size=1g");
  }

  std::vector<Finding> findings_;
};

int examine(const Wishes& wishes) {
  const Examination examination{wishes.command[0]};
  const std::vector<Finding>& findings = examination.findings();
  const bool stops = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& one) { return one.weight == Weight::stops; });
  const bool minds = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& one) { return one.weight == Weight::mind; });
  if (wishes.as_json) {
    json all = json::array();
    for (const Finding& one : findings)
      all.push_back({{"stops", one.weight == Weight::stops}, {"what", one.what}, {"next", one.next}});
    fmt::print(
        "{}\n",
        json{{"kind", "basalt doctor"}, {"command", wishes.command}, {"works", !stops}, {"findings", all}}
            .dump(2, ' ', false, json::error_handler_t::replace));
    return stops ? found_wanting : success;
  }
  for (const Finding& one : findings)
    fmt::print("{}  {}\n   {}\n",
               one.weight == Weight::stops  ? styled(Style::bad, "✗")
               : one.weight == Weight::mind ? styled(Style::strong, "!")
                                            : "·",
               one.what, one.next);
  if (!stops)
    fmt::print("{}  {} can be run, recorded and profiled{}\n", styled(Style::good, "✓"), wishes.command[0],
               minds ? ", with what is said above in mind" : "");
  if (!stops) suggest(fmt::format("basalt record -- {}", shell_text(wishes.command)));
  return stops ? found_wanting : success;
}

}  // namespace

Action describe_doctor(Options page) {
  const auto wishes = std::make_shared<Wishes>();
  page.add_flag("--json", wishes->as_json, "as one JSON object");
  page.add_option("PROGRAM", wishes->command, "behind --; it is looked at, and not run").required();
  return [wishes] { return examine(*wishes); };
}

}  // namespace basalt::tool
