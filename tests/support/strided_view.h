// Strided views of memory with guards, random tensors and layouts for them, and how far off a result may be.
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

// Memory of a strided view, with guards that must not be written around and between its elements.
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

// Largest |got - want| in units of what rounding may cost: relative to the largest of the value, the tensor's scale and
// what is left of `points` numbers of size 1 that cancel.
double error_of(const reference::Tensor& got, const reference::Tensor& want, std::int64_t points);

std::vector<reference::Tensor> random_inputs(std::mt19937& random, const ir::Graph& body);
// Of a VAE's kernel: indices within its data set, what is squared not below 0, an early step.
std::vector<reference::Tensor> random_inputs(std::mt19937& random, const bench::VaeKernel& kernel);
// Of a dim: 1, and around multiples of vectors.
std::int64_t random_size(std::mt19937& random);
// Memory orders that views may have: row-major, inside wider rows, transposed, every second element.
Layouts random_layouts(std::mt19937& random, const ir::Graph& body);

}  // namespace weft::test
