// What do the containers of C++ cost, which say the size when they delete?
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "workload.hpp"

int main(int count, char** arguments) {
  const workload::Task task{count, arguments};
  workload::Dice dice{1};
  const std::size_t rounds = task.times(1'500'000);
  std::map<std::uint64_t, std::string> sorted;
  std::unordered_map<std::uint64_t, std::vector<int>> hashed;
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::uint64_t key = dice.below(30'000);
    if (i % 3 == 0) {
      sorted[key].append(24 + dice.below(40), 'x');
      if (sorted[key].size() > 1000) sorted.erase(key);
    } else if (i % 3 == 1) {
      hashed[key].push_back(static_cast<int>(i));
    } else {
      sorted.erase(key);
      hashed.erase(key ^ 1);
    }
  }
  sorted.clear();
  hashed.clear();
  return workload::Task::done(rounds);
}
