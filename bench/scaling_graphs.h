// Graphs of any size for bench/scaling.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::bench {

// A family of graphs of scalable size. `make` returns the entry to compile, with about this many ops after all passes
// before `fuse`; an entry for training has the output `loss`.
struct Shape {
  std::string name;
  std::string doc;
  bool trains = false;
  std::function<ir::GraphPtr(int ops)> make;
};

const std::vector<Shape>& shapes();

}  // namespace weft::bench
