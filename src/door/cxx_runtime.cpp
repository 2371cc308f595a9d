// Brings the part of the C++ runtime that throws std::bad_alloc into a static program.
//
// new_delete.cpp refers to it weakly, because programs in C have no such runtime; but a weak reference takes nothing
// out of an archive. This one is not weak, and only programs linked as C++ are told to take this object.
namespace std {

[[noreturn]] void __throw_bad_alloc();

}  // namespace std

extern "C" {

extern void (*const basalt_cxx_runtime)();
void (*const basalt_cxx_runtime)() = std::__throw_bad_alloc;
}
