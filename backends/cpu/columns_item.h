// Convolutions without the library: generated products with the columns of windows (runtime/artefact/columns.c).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/cpu/item.h"
#include "backends/cpu/product.h"

namespace weft::cpu {

// Weights lie row-major. `kernel` is the product's place among the program's kernels.
ColumnsWork columns_of(const Convolution& convolution, int kernel);
// What the work's kernel computes.
Product product_of(const ColumnsWork& work, const std::string& name);

std::unique_ptr<Item> make_columns_item(const ColumnsWork& work, const CompiledKernel& kernel, int threads);

}  // namespace weft::cpu
