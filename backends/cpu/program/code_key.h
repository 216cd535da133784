// Which kernels are the same code.
#pragma once

#include <string>

#include "backends/cpu/codegen/emit.h"

namespace weft::cpu {

// All that the code of a kernel is made from, as bytes: all but its name and the names in it. Layers that repeat have
// kernels of one key.
std::string code_key(const KernelSource& source);

}  // namespace weft::cpu
