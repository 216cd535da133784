// Graphs of any size for bench/scaling.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::bench {

// A family of graphs that grow alike. `make` gives the entry that the compiler starts from, with about so many ops once
// all passes before `fuse` have run; where it trains it has the output `loss`.
struct Shape {
  std::string name;
  std::string doc;
  bool trains = false;
  std::function<ir::GraphPtr(int ops)> make;
};

const std::vector<Shape>& shapes();

}  // namespace weft::bench
