// A word when a thread ends.
#pragma once

namespace basalt {

// Effects: `farewell(argument)` is called when this thread ends, after the destructors of its own objects have begun; and
// again if it asks once more in the meantime, as often as POSIX grants (PTHREAD_DESTRUCTOR_ITERATIONS).
// Returns: whether that could be arranged.
bool at_thread_exit(void (*farewell)(void*), void* argument) noexcept;

}  // namespace basalt
