#include "signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace basalt::tool {

namespace {

constexpr std::array keys{SIGINT, SIGQUIT};
constexpr std::array all{SIGINT, SIGQUIT, SIGTERM, SIGHUP};

constexpr pid_t nobody = 0;
constexpr pid_t ended = -1;  // and what it left behind is being written

bool long_files_end = false;  // what the tool starts, as it would have been with the tool

// These are all that the handler uses.
std::atomic<pid_t> companion{nobody};
std::atomic<int> came{0};  // since there is a companion
std::array<std::atomic<char*>, 16> passing{};

[[nodiscard]] bool is_key(int signal) noexcept { return signal == SIGINT || signal == SIGQUIT; }

// Files first: what they lie in is empty then.
void remove_what_passes() noexcept {
  for (int (*const remove)(const char*) : {::unlink, ::rmdir}) {
    for (std::atomic<char*>& place : passing) {
      const char* const path = place.load(std::memory_order_relaxed);
      if (path != nullptr) (void)remove(path);
    }
  }
}

void handle(int signal) {
  const int error = errno;
  came.store(signal, std::memory_order_relaxed);
  const pid_t program = companion.load(std::memory_order_relaxed);
  if (program > 0 && !is_key(signal)) ::kill(program, signal);
  if (program == nobody) {
    remove_what_passes();
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  errno = error;
}

[[nodiscard]] sigset_t set_of_all() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : all) ::sigaddset(&set, signal);
  return set;
}

void hold(int how) noexcept {
  const sigset_t set = set_of_all();
  ::pthread_sigmask(how, &set, nullptr);
}

// What whoever started the tool ignores stays so, as under nohup.
void mind_signals() {
  static const bool once = [] {
    for (const int signal : all) {
      struct sigaction action {};
      if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
      action.sa_handler = handle;
      action.sa_flags = SA_RESTART;
      action.sa_mask = set_of_all();
      ::sigaction(signal, &action, nullptr);
    }
    return true;
  }();
  (void)once;
}

}  // namespace

void survive_long_files() noexcept {
  if (::signal(SIGXFSZ, SIG_IGN) == SIG_DFL) long_files_end = true;
}

Passing::Passing(const std::string& path) : path_{::strdup(path.c_str())} {
  mind_signals();
  for (std::atomic<char*>& place : passing) {
    char* none = nullptr;
    if (place.compare_exchange_strong(none, path_, std::memory_order_relaxed)) return;
  }
}

Passing::~Passing() {
  for (std::atomic<char*>& place : passing) {
    char* own = path_;
    place.compare_exchange_strong(own, nullptr, std::memory_order_relaxed);
  }
  std::free(path_);
}

Companion::Companion() {
  mind_signals();
  hold(SIG_BLOCK);
  came.store(0, std::memory_order_relaxed);
}

Companion::~Companion() {
  companion.store(nobody, std::memory_order_relaxed);
  hold(SIG_UNBLOCK);
}

void Companion::met(pid_t program) {
  companion.store(program, std::memory_order_relaxed);
  hold(SIG_UNBLOCK);
}

int Companion::interrupted() const noexcept { return came.load(std::memory_order_relaxed); }

void Companion::gone() noexcept { companion.store(ended, std::memory_order_relaxed); }

void Companion::as_before() noexcept {
  for (const int signal : keys) ::signal(signal, SIG_DFL);
  if (long_files_end) ::signal(SIGXFSZ, SIG_DFL);
  for (const int signal : {SIGTERM, SIGHUP}) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == handle) ::signal(signal, SIG_DFL);
  }
  hold(SIG_UNBLOCK);
}

}  // namespace basalt::tool
