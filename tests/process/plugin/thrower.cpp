// A library that throws: to find who catches, the unwinder asks the dynamic linker which objects are loaded.
#include <stdexcept>
#include <string>

extern "C" void throw_from_plugin(unsigned long size) { throw std::runtime_error{std::string(size, 'x')}; }
