// What a program has in it that the tool looks at while it runs: a thread that answers questions on a socket.
//
//   a question   `profile`, `statistics` or `metrics`, on a connection of its own
//   the answer   all until the end of the connection: pprof, JSON or OpenMetrics; nothing if the library below does not have it
//
// The socket is in the abstract space and named after the process, so nothing is left behind, whatever the program ends of; it
// answers the user whose process it is, and root. The thread takes no signal of the program's and allocates nothing: what it
// needs comes from the system. libc takes one block for the thread itself, before anything is sampled.
//
// Its files are not the program's: a program may close every number, or have a file of its own where ours was, and neither is lost.
#include <basalt/basalt.h>

#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent.hpp"

// The allocator is a library of its own, and the small one and the hardened one have no profile.
#pragma weak basalt_profile_start
#pragma weak basalt_profile_write
#pragma weak basalt_profile_write_fd
#pragma weak basalt_stats_json
#pragma weak basalt_stats_openmetrics

namespace {

using namespace basalt::agent;

using Text = size_t (*)(char*, size_t);

pid_t process = 0;  // the one that has the thread: not what it forks

[[nodiscard]] size_t number_in(const char* name) {
  const char* const text = ::secure_getenv(name);
  return text == nullptr ? 0 : ::strtoull(text, nullptr, 10);
}

void send_all(int to, const char* bytes, size_t size) {
  while (size != 0) {
    const ssize_t sent = ::send(to, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    bytes += sent;
    size -= static_cast<size_t>(sent);
  }
}

// The text may grow between two calls: then there is more room the next time.
void answer_text(int to, Text text) {
  if (text == nullptr) return;
  for (size_t room = text(nullptr, 0) + 4096;; room *= 2) {
    void* const memory = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    const size_t length = text(static_cast<char*>(memory), room);
    if (length < room) send_all(to, static_cast<const char*>(memory), length);
    ::munmap(memory, room);
    if (length < room) return;
  }
}

[[nodiscard]] bool may_ask(int connection) {
  ucred other{};
  socklen_t size = sizeof other;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &other, &size) != 0) return false;
  return other.uid == 0 || other.uid == ::geteuid();
}

void answer(int connection) {
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  (void)::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  char question[longest_question + 1] = {};
  if (::recv(connection, question, longest_question, 0) <= 0) return;
  if (std::strcmp(question, ask_profile) == 0 && basalt_profile_write_fd != nullptr)
    (void)basalt_profile_write_fd(connection);
  if (std::strcmp(question, ask_statistics) == 0) answer_text(connection, basalt_stats_json);
  if (std::strcmp(question, ask_metrics) == 0) answer_text(connection, basalt_stats_openmetrics);
}

// Effects: this thread has a table of descriptors to itself from now on, with nothing in it.
// Returns: whether that could be had; where it could not, the thread goes without: the program's files are not for it.
[[nodiscard]] bool leave_the_files_of_the_program() {
  return ::syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_UNSHARE) == 0;
}

// Returns: a socket that listens; -1: there is none.
[[nodiscard]] int listening_socket() {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  const Address address{process};
  if (::bind(socket, address.any(), address.size()) == 0 && ::listen(socket, 8) == 0) return socket;
  ::close(socket);
  return -1;
}

[[nodiscard]] void* serve(void*) {
  const int socket = leave_the_files_of_the_program() ? listening_socket() : -1;
  while (socket >= 0) {
    const int connection = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0 && errno != EINTR && errno != ECONNABORTED && errno != EMFILE && errno != ENFILE)
      break;
    if (connection < 0) {
      (void)::usleep(10'000);
      continue;
    }
    if (may_ask(connection)) answer(connection);
    ::close(connection);
  }
  return nullptr;
}

void start_thread() {
  sigset_t all, before;
  sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  if (::pthread_create(&thread, nullptr, serve, nullptr) == 0) (void)::pthread_detach(thread);
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

[[gnu::constructor]] void begin() {
  if (number_in(process_variable) != static_cast<size_t>(::getpid())) return;
  process = ::getpid();
  if (number_in(silent_variable) == 0) start_thread();
  if (const size_t period = number_in(period_variable); period != 0 && basalt_profile_start != nullptr)
    (void)basalt_profile_start(period);
}

[[gnu::destructor]] void end() {
  const char* const last = ::secure_getenv(last_variable);
  if (process == ::getpid() && last != nullptr && basalt_profile_write != nullptr)
    (void)basalt_profile_write(last);
}

}  // namespace
