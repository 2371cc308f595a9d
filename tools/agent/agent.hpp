// What the tool and the agent in a program have agreed on.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdio>

namespace basalt::agent {

// The environment of a program that is looked at.
inline constexpr char process_variable[] = "BASALT_AGENT_PID";  // its number: what it starts is not meant
inline constexpr char period_variable[] =
    "BASALT_AGENT_PERIOD";  // bytes between two samples; 0 or none: no profile
inline constexpr char last_variable[] = "BASALT_AGENT_LAST";  // the file for the profile when it exits
inline constexpr char silent_variable[] =
    "BASALT_AGENT_SILENT";  // 1: nobody will ask, and there is no thread to answer

// Questions.
inline constexpr char ask_profile[] = "profile";
inline constexpr char ask_statistics[] = "statistics";
inline constexpr char ask_metrics[] = "metrics";
inline constexpr std::size_t longest_question = 15;

// Where the agent of a process listens.
class Address {
 public:
  explicit Address(pid_t process) noexcept {
    address_.sun_family = AF_UNIX;  // a name that begins with 0 is no file
    const int length = std::snprintf(address_.sun_path + 1, sizeof address_.sun_path - 1, "basalt-agent-%ld",
                                     static_cast<long>(process));
    size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length));
  }

  [[nodiscard]] const sockaddr* any() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  sockaddr_un address_{};
  socklen_t size_ = 0;
};

}  // namespace basalt::agent
