// Identifies kernels with equal code.
#pragma once

#include <string>

#include "backends/cpu/codegen/emit.h"

namespace weft::cpu {

// Everything that determines a kernel's code, as bytes: all but its name and the names in it. Repeated layers have
// kernels with equal keys.
std::string code_key(const KernelSource& source);

}  // namespace weft::cpu
