// Has the kernel answer some system calls otherwise, from a moment on and in every thread, as filters of others do.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace process {

class Filter {
 public:
  static constexpr std::uint32_t kills = SECCOMP_RET_KILL_PROCESS;
  static constexpr std::uint32_t allows = SECCOMP_RET_ALLOW;
  [[nodiscard]] static constexpr std::uint32_t fails(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
  }

  Filter() { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))); }

  // The first rule that fits a call counts.
  Filter& when(long call, std::uint32_t answer) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, answer));
    return *this;
  }

  Filter& when_advised(int advice, std::uint32_t answer) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 4));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])));  // its low half: little endian
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(advice), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, answer));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    return *this;
  }

  // Effects: binds every thread of this process for good; `otherwise` is the answer to calls without a rule.
  // Returns: whether this kernel lets us.
  [[nodiscard]] bool install(std::uint32_t otherwise = allows) {
    add(BPF_STMT(BPF_RET | BPF_K, otherwise));
    const sock_fprog program{length_, rows_};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
  }

 private:
  void add(sock_filter row) { rows_[length_++] = row; }

  sock_filter rows_[128] = {};
  std::uint16_t length_ = 0;
};

}  // namespace process
