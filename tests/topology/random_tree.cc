#include "tests/topology/random_tree.h"

#include <algorithm>

namespace rigsim::topology::testing {

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

Tree random_tree(Random& random) {
  Tree tree;
  tree.switches = below(random, 6);
  tree.devices = 2 + below(random, 7);
  constexpr double kRates[] = {3.3, 6.6, 13.25, 26.5, 54};
  tree.branches.push_back({});
  for (std::size_t v = 1; v <= tree.switches + tree.devices; ++v)
    tree.branches.push_back(
        {below(random, std::min(v, tree.switches + 1)), kRates[below(random, 5)]});
  return tree;
}

// A parent has a lower number.
std::vector<std::size_t> way(const Tree& tree, std::size_t a, std::size_t b) {
  std::vector<std::size_t> links;
  while (a != b) {
    std::size_t& deeper = a > b ? a : b;
    links.push_back(2 * deeper + (a > b ? 0 : 1));
    deeper = tree.branches[deeper].parent;
  }
  return links;
}

}  // namespace rigsim::topology::testing
