// Which kitchens can be walked for all that is known of them.
#pragma once

namespace basalt::door {

// Others say what fits the few numbers of HeapStats.
template <class Kitchen>
concept Walked = requires(const Kitchen& which) {
  which.with_statistics([](const auto&, const auto&) {});
};

}  // namespace basalt::door
