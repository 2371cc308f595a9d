// What a program's memory is used for, over HTTP, for as long as the program runs.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

namespace basalt::tool {

class Server {
 public:
  // `where` is an address of this machine's own and a port, as 127.0.0.1:8080; port 0: one that is free.
  // Throws: UserError.
  explicit Server(const std::string& where);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Effects: /debug/pprof/heap, /metrics and /stats are answered from now on.
  void begin(pid_t process);

  [[nodiscard]] const std::string& address() const noexcept { return address_; }

 private:
  class Running;
  std::unique_ptr<Running> running_;
  std::string address_;
};

}  // namespace basalt::tool
