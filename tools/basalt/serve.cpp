#include "serve.hpp"

#include <fmt/format.h>
#include <httplib.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include "agent/agent.hpp"
#include "agent_client.hpp"
#include "console.hpp"
#include "heap_profile.hpp"
#include "pprof.hpp"
#include "symbols/symbols.hpp"

namespace basalt::tool {

namespace {

constexpr const char* pprof_type = "application/octet-stream";
constexpr const char* json_type = "application/json";
constexpr const char* metrics_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

constexpr const char* index_page =
    "/debug/pprof/heap    the heap profile: go tool pprof http://.../debug/pprof/heap\n"
    "/debug/pprof/allocs  the same\n"
    "/debug/pprof/symbol  names of functions, for pprof\n"
    "/metrics             the statistics for Prometheus (OpenMetrics)\n"
    "/stats               the statistics as JSON\n";

// `question` is 0x1234+0x5678, as pprof asks for what it cannot name by itself; it gives up where nobody answers.
[[nodiscard]] std::string names_for(const std::string& question, const trace::Tables& tables) {
  symbols::Symbolizer names{tables};
  std::string lines = "num_symbols: 1\n";
  for (std::size_t at = question.find("0x"); at != std::string::npos; at = question.find("0x", at + 2)) {
    const std::uint64_t address = std::strtoull(question.c_str() + at, nullptr, 16);
    lines += fmt::format("{:#x} {}\n", address, names.frames(address).back().function);
  }
  return lines;
}

// Who may connect may read, so only this machine may.
[[nodiscard]] std::pair<std::string, int> parts_of(const std::string& where) {
  const std::size_t colon = where.rfind(':');
  const std::string host = where.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : where.substr(colon + 1);
  const bool is_number =
      !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoi(port) > 65535)
    throw UserError(fmt::format("{} is no address with a port", where), "write --serve 127.0.0.1:8080");
  if (host != "localhost" && !host.starts_with("127."))
    throw UserError(
        fmt::format("{} can be reached from other machines, and anybody there could read the profile", host),
        "write --serve 127.0.0.1:" + port + ", and put a server that asks who it is before it");
  return {host, std::stoi(port)};
}

}  // namespace

class Server::Running {
 public:
  Running(const std::string& host, int port) {
    server_.set_socket_options([](socket_t socket) {  // two may not share a port
      const int yes = 1;
      (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    answer("/debug/pprof/heap", agent::ask_profile, pprof_type);
    answer("/debug/pprof/allocs", agent::ask_profile, pprof_type);  // where Parca and Alloy look
    answer("/metrics", agent::ask_metrics, metrics_type);
    answer("/stats", agent::ask_statistics, json_type);
    server_.Get("/debug/pprof/symbol", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(names_for("", {}), "text/plain");
    });
    server_.Post("/debug/pprof/symbol", [this](const httplib::Request& request, httplib::Response& response) {
      const HeapProfile profile = read_heap_profile(asked(process_, agent::ask_profile));
      response.set_content(names_for(request.body, profile.tables), "text/plain");
    });
    server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(index_page, "text/plain");
    });
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.status == 404) response.set_content(index_page, "text/plain");
    });
    port_ = port == 0                                  ? server_.bind_to_any_port(host.c_str())
            : server_.bind_to_port(host.c_str(), port) ? port
                                                       : -1;
  }
  ~Running() {
    while (thread_.joinable() && !server_.is_running())
      std::this_thread::yield();  // else it would not hear of it
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void begin(pid_t process) {
    process_ = process;
    thread_ = std::thread{[this] { server_.listen_after_bind(); }};
  }

  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  void answer(const char* path, const char* question, const char* type) {
    server_.Get(path, [this, question, type](const httplib::Request&, httplib::Response& response) {
      std::string text = asked(process_, question);
      if (text.empty()) {
        response.status = 503;
        response.set_content("the program does not answer\n", "text/plain");
        return;
      }
      response.set_content(type == pprof_type ? gzipped(std::move(text)) : std::move(text), type);
    });
  }

  pid_t process_ = 0;
  httplib::Server server_;
  int port_ = -1;
  std::thread thread_;
};

Server::Server(const std::string& where) {
  const auto [host, port] = parts_of(where);
  running_ = std::make_unique<Running>(host, port);
  if (running_->port() <= 0)
    throw UserError(fmt::format("nobody can listen on {}", where),
                    "take another port, or 0 for one that is free");
  address_ = fmt::format("{}:{}", host, running_->port());
}

Server::~Server() = default;

void Server::begin(pid_t process) { running_->begin(process); }

}  // namespace basalt::tool
