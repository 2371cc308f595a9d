#include "kitchen.hpp"

namespace basalt::door {

constinit Kitchen kitchen;

}  // namespace basalt::door
