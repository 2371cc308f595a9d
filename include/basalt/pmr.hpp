// std::pmr containers over any allocator: MemoryResource<Heap>.
#pragma once

#include "door/pmr.hpp"
