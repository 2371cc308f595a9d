// Runs a piece of a test in a process of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace basalt::test {

// Effects: runs `body` in a forked child, which ends without any clean-up when it returns.
// Returns: what `body` returned (0 to 255), or -1 if the child was ended by a signal.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace basalt::test
