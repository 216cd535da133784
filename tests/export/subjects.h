// What the tests of the ONNX export export: every inference entry of every model, and graphs with the ops that those
// lack.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::test {

struct Subject {
  std::string name;  // of a file
  ir::Module module;
};

// Small sizes of every model, each kind of encoder among them, and the graphs of ops.weft.
std::vector<Subject> export_subjects();
// The entries of a module that are exported: those for inference.
std::vector<ir::GraphPtr> exported_entries(const ir::Module& module);

}  // namespace weft::test
