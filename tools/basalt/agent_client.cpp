#include "agent_client.hpp"

#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "agent/agent.hpp"

namespace basalt::tool {

namespace {

class Socket {
 public:
  Socket() : number_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    (void)::setsockopt(number_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Socket() { ::close(number_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

// Anybody may take any name, so it has to be the process itself that listens.
[[nodiscard]] bool is_of(int socket, pid_t process) {
  ucred other{};
  socklen_t size = sizeof other;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 && other.pid == process;
}

}  // namespace

Started with_agent(const std::vector<std::string>& command) {
  return {command, library_path("basalt") + ":" + library_path("basalt-agent"), {}, agent::process_variable};
}

std::string asked(pid_t process, const char* question) {
  const Socket socket;
  const agent::Address address{process};
  if (::connect(socket.number(), address.any(), address.size()) != 0 || !is_of(socket.number(), process))
    return "";
  if (::send(socket.number(), question, std::strlen(question), MSG_NOSIGNAL) < 0) return "";
  std::string answer;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t got = ::recv(socket.number(), part.data(), part.size(), 0);
    if (got == 0) return answer;
    if (got < 0) return "";
    answer.append(part.data(), static_cast<std::size_t>(got));
  }
}

std::uint64_t resident_bytes(pid_t process) {
  std::ifstream file{fmt::format("/proc/{}/statm", process)};
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return file ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace basalt::tool
