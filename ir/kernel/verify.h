// Checks what kernel.h and lower.h state of a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ir/kernel/kernel.h"

namespace weft::kernel {

// The first rule that a kernel breaks, and the part of it that does.
struct Fault {
  enum class Part : std::uint8_t { kernel, dim, buffer, node, store };
  Part part = Part::kernel;
  std::size_t index = 0;
  std::string text;
};

std::optional<Fault> find_fault(const Kernel& kernel);
void verify(const Kernel& kernel);  // throws InternalError: a kernel that `lower` made is at fault by a bug of ours

}  // namespace weft::kernel
