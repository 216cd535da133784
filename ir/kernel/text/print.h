// The text form of kernels, written for people: docs/reference/ir.md describes it. parse(print(k)) equals k.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::kernel {

std::string print(const Kernel& kernel);
std::string print(const std::vector<Kernel>& kernels);  // a file, with the version line

// Whether a name is one that unnamed buffers are printed with: arg0, arg1. As a name it is quoted.
bool is_argument_name(std::string_view name);

}  // namespace weft::kernel
