// Strided views of memory with guards, random tensors and layouts, and error bounds for results.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "backends/reference/tensor.h"
#include "bench/vae_kernels.h"
#include "ir/graph.h"
#include "ir/kernel/lower.h"

namespace weft::test {

struct Layouts {
  std::vector<kernel::Strides> inputs, outputs;  // empty: all row-major
  std::vector<std::pair<int, int>> in_place;     // output, input
};

// Memory of a strided view, with guards around and between its elements that must not change.
struct View {
  ir::Type type;
  kernel::Strides strides;
  std::vector<char> memory;
  std::size_t start = 0;  // bytes

  View(ir::Type view_type, kernel::Strides view_strides);  // empty strides: row-major
  void* data() { return memory.data() + start; }
  void write(const reference::Tensor& tensor);
  reference::Tensor read() const;
  bool guards_hold() const;

 private:
  template <typename Visit>
  void for_each(Visit visit) const;
};

// Largest |got - want| in units of possible rounding error: relative to the largest of the value, the tensor's scale
// and the cancellation error of `points` numbers of size 1.
double error_of(const reference::Tensor& got, const reference::Tensor& want, std::int64_t points);

std::vector<reference::Tensor> random_inputs(std::mt19937& random, const ir::Graph& body);
// Inputs of a VAE kernel: indices within its data set, nonnegative squares, an early step.
std::vector<reference::Tensor> random_inputs(std::mt19937& random, const bench::VaeKernel& kernel);
// A random size: 1, or near multiples of vector widths.
std::int64_t random_size(std::mt19937& random);
// Memory orders that views support: row-major, inside wider rows, transposed, every second element.
Layouts random_layouts(std::mt19937& random, const ir::Graph& body);

}  // namespace weft::test
