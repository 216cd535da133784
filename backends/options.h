// How a graph is compiled: what users of the driver choose, and backends read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace weft {

// How matmuls and convolutions multiply. f32 loses nothing; the others, for tensor cores, round operands to 10 (tf32)
// or 7 (bf16) bits behind the leading one and sum in f32. The result of a convolution of bf16 is rounded to it too.
enum class Precision : std::uint8_t { f32, tf32, bf16 };
std::string_view name(Precision precision);
Precision parse_precision(std::string_view text);  // Error with the near names where there is none
std::vector<std::string> precision_names();

struct CompileOptions {
  std::string backend = "cpu";           // one of backend_choices()
  ir::Bindings bind;                     // a number for every symbol of the graph
  int threads = 0;                       // 0: all cores
  bool winograd = true;                  // convolutions by Winograd's products where that is faster: other roundings
  Precision precision = Precision::f32;  // one that has_precision(backend, ..)
  // The cpu backend alone: matmuls and convolutions as generated kernels, as in a standalone artefact. What is left to
  // oneDNN is the streaming similarity.
  bool standalone = false;
  // Layouts in memory of kernels of convolutions (ir/memory_layout.h). Where they are chosen, the ports of the
  // program tell them, and its caller keeps the memory so; else they are those given by the param's name. Otherwise,
  // and standalone, row-major.
  bool choose_layouts = false;
  std::map<std::string, std::string> layouts;
  // Called with each stage's name and graph as it is reached: "graph" (as given), then each pass by name.
  std::function<void(const std::string& stage, const ir::GraphPtr&)> observe;
};

}  // namespace weft
