// The meaning of a kernel: plain loops over its points, one after the other. What both code generators are compared
// with where a kernel is given as text.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::test {

// The elements of each argument that the kernel reaches.
std::vector<std::int64_t> sizes_of_arguments(const kernel::Kernel& kernel);

// Numbers of each argument, of its dtype; fills the outputs. No output shares memory with an input.
void interpret(const kernel::Kernel& kernel, std::vector<std::vector<double>>& arguments);

}  // namespace weft::test
