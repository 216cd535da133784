// How to compile a graph: users of the driver choose, backends read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace weft {

// The precision of matmuls and convolutions. f32 rounds nothing; tf32 and bf16, for tensor cores, round operands to 10
// (tf32) or 7 (bf16) bits behind the leading one and sum in f32. bf16 also rounds the result of a convolution to bf16.
enum class Precision : std::uint8_t { f32, tf32, bf16 };
std::string_view name(Precision precision);
Precision parse_precision(std::string_view text);  // throws Error with the nearest names
std::vector<std::string> precision_names();

// What computes matmuls and convolutions of f32 on the cpu: kernels that Weft generates, oneDNN, or by a rule of shapes
// what was measured to be faster (docs/internals/backends.md); never a timing, so that bits repeat.
enum class Contractions : std::uint8_t { automatic, generated, onednn };
std::string_view name(Contractions contractions);        // "auto", ...
Contractions parse_contractions(std::string_view text);  // throws Error with the nearest names
std::vector<std::string> contractions_names();

struct CompileOptions {
  std::string backend = "cpu";           // one of backend_choices()
  ir::Bindings bind;                     // a number for every symbol of the graph
  int threads = 0;                       // 0: all cores
  bool winograd = true;                  // allow Winograd convolution where it is faster: rounds differently
  Precision precision = Precision::f32;  // one that has_precision(backend, ..)
  // For the cpu backend; others have one way. Even if all are generated, the streaming similarity uses oneDNN.
  Contractions contractions = Contractions::automatic;
  // Memory layouts of convolution weights (ir/memory_layout.h). With `choose_layouts`, the program's ports tell the
  // chosen layouts, and the caller keeps its memory in them; otherwise `layouts` gives them by the param's name. All
  // others are row-major, as are all if all contractions are generated.
  bool choose_layouts = false;
  std::map<std::string, std::string> layouts;
  // Called with each stage's name and graph: "graph" (as given), then each pass by name.
  std::function<void(const std::string& stage, const ir::GraphPtr&)> observe;
};

}  // namespace weft
