// Standard containers over any allocator: StdAllocator<T, Heap>.
#pragma once

#include "door/std_allocator.hpp"
