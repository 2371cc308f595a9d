#include "faults.hpp"

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "../base/push_list.hpp"

namespace basalt {

namespace {

constinit PushList<FaultListener> listeners;
constinit std::atomic<bool> installed{false};
constinit struct sigaction before {};  // written once, before the handler is installed

[[nodiscard]] Fault fault_from(const siginfo_t& info, const ucontext_t& context) noexcept {
  Fault fault;
  fault.address = reinterpret_cast<std::uintptr_t>(info.si_addr);
#if defined(__x86_64__)
  const auto& registers = context.uc_mcontext.gregs;
  fault.access = (registers[REG_ERR] & 2) != 0 ? Access::write : Access::read;
  fault.pc = static_cast<std::uintptr_t>(registers[REG_RIP]);
  fault.frame = static_cast<std::uintptr_t>(registers[REG_RBP]);
#elif defined(__aarch64__)
  fault.pc = context.uc_mcontext.pc;
  fault.frame = context.uc_mcontext.regs[29];
#else
  (void)context;
#endif
  return fault;
}

// Effects: what the kernel would have done without us. A fault that is to end the process happens again when we return, and finds
// nobody; a signal that somebody sent does not, and is sent again.
void as_before(int signal, siginfo_t* info, void* context) noexcept {
  const bool sent = info->si_code <= 0;
  if ((before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_IGN && sent) return;
  if ((before.sa_flags & SA_SIGINFO) == 0 && (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN)) {
    struct sigaction nothing {};
    nothing.sa_handler = SIG_DFL;
    // In a sandbox that forbids this, the fault must not come back to us for ever: whom it finds blocked, the kernel ends.
    if (::sigaction(signal, &nothing, nullptr) != 0)
      (void)::sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, signal);
    if (sent) (void)::raise(signal);
    return;
  }
  if ((static_cast<unsigned>(before.sa_flags) & SA_RESETHAND) != 0) (void)::signal(signal, SIG_DFL);
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else {
    before.sa_handler(signal);
  }
}

void handle(int signal, siginfo_t* info, void* context) noexcept {
  const int errno_before = errno;
  if (info->si_code > 0) {
    const Fault fault = fault_from(*info, *static_cast<const ucontext_t*>(context));
    for (FaultListener* one = listeners.first(); one != nullptr; one = one->next) one->hear(*one, fault);
  }
  errno = errno_before;
  as_before(signal, info, context);
}

}  // namespace

void expect_faults() noexcept {
  if (installed.exchange(true, std::memory_order_relaxed)) return;
  const int errno_before = errno;
  (void)::sigaction(SIGSEGV, nullptr, &before);
  struct sigaction ours {};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (before.sa_flags & (SA_NODEFER | SA_RESTART));
  ours.sa_mask = before.sa_mask;
  (void)::sigaction(SIGSEGV, &ours, nullptr);
  errno = errno_before;
}

void listen_to_faults(FaultListener& listener) noexcept {
  listeners.push(listener);
  expect_faults();
}

bool hears_faults() noexcept {
  struct sigaction now {};
  return ::sigaction(SIGSEGV, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
         now.sa_sigaction == handle;
}

}  // namespace basalt
