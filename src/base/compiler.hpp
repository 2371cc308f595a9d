// What is spelled differently from compiler to compiler.
#pragma once

// A symbol that other objects may call. Everything else in the library is hidden.
#define BASALT_DOOR __attribute__((visibility("default")))
