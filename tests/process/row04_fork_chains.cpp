// Row 4: a child forks a child, four deep, and every one of them allocates on both sides of it.
// runs: preload global static
#include "support/process.hpp"

namespace {

void generation(int depth, std::uint64_t seed) {
  process::churn(seed, 50, 20000);
  if (depth == 4) return;
  process::in_child(20, [&] { generation(depth + 1, seed + 1); });
  process::churn(seed, 50, 20000);
  process::heap_must_be_valid();
}

}  // namespace

int main() {
  process::must_be_ours();
  const int chains = process::times(40);
  for (int i = 0; i < chains; ++i) generation(0, static_cast<std::uint64_t>(i));
  process::figure(chains, "chains of forks, four deep");
}
