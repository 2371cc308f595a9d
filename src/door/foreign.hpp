// What happens to a pointer that is not ours.
#pragma once

namespace basalt::door {

// leak    A preloaded library meets programs that bundle an allocator of their own: such a pointer is reported once
//         and left alone.
// abort   A program that links us has no other allocator, and who preloads the hardened library wants to know: such a
//         pointer is a bug.
enum class ForeignPolicy { leak, abort };

// The policy in force: BASALT_FOREIGN=abort or =leak, else what this library was built with. A process that
// gained privileges (setuid) does not listen to its environment.
[[nodiscard]] ForeignPolicy foreign_policy() noexcept;

// Effects: as the policy says. Pointers of the dynamic linker, made before any allocator was there, are
// nobody's mistake and are ignored without a word. errno is as it was.
void handle_foreign(const void* pointer, const char* caller) noexcept;

}  // namespace basalt::door
